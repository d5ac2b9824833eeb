-- The builds of a site: KEYS those that were in service and those that run, ARGV for how long (s) a
-- build runs that says nothing more. Returns the time, the builds in the order in which they came
-- into service, each with that time, and the builds that run.
local now = tonumber(redis.call('TIME')[1])
redis.call('ZREMRANGEBYSCORE', KEYS[2], '-inf', '(' .. now - ARGV[1])
return {
    now,
    redis.call('ZRANGE', KEYS[1], 0, -1, 'WITHSCORES'),
    redis.call('ZRANGE', KEYS[2], 0, -1),
}
