-- Notes the time at which something is the case: KEYS a sorted set, ARGV its member.
return redis.call('ZADD', KEYS[1], redis.call('TIME')[1], ARGV[1])
