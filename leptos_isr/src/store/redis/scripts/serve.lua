-- Notes that a build comes into service, unless it is the one in service: KEYS the builds, ARGV the
-- build.
local last = redis.call('ZRANGE', KEYS[1], -1, -1, 'WITHSCORES')
if last[1] == ARGV[1] then
    return 0
end
local since = math.max(tonumber(redis.call('TIME')[1]), tonumber(last[2] or 0) + 1)
redis.call('ZADD', KEYS[1], since, ARGV[1])
return 1
