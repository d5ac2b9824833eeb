-- Puts a new log in the place of the log: KEYS the log and the new one, ARGV the position of the last
-- record that the caller knows, and how many records the new log has. Returns 0 if the log has gone on,
-- or if the new one was evicted in part while it was written.
local last = redis.call('XREVRANGE', KEYS[1], '+', '-', 'COUNT', 1)
if not last[1] or string.match(last[1][1], '^%d+') ~= ARGV[1]
    or redis.call('XLEN', KEYS[2]) ~= tonumber(ARGV[2]) then
    redis.call('UNLINK', KEYS[2])
    return 0
end
redis.call('RENAME', KEYS[2], KEYS[1])
redis.call('PERSIST', KEYS[1])
return 1
