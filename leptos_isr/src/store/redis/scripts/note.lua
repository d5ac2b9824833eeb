-- Notes the time at which something is the case: KEYS a sorted set, ARGV its member. Returns the time
-- in milliseconds.
local time = redis.call('TIME')
redis.call('ZADD', KEYS[1], time[1], ARGV[1])
return time[1] * 1000 + math.floor(time[2] / 1000)
