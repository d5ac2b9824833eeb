-- Appends a purge record: KEYS the log and its positions, ARGV the record, the last position that
-- the caller knows, and how many positions are kept. Returns the record's position.
-- Positions of another log, which is gone, must not vouch for this one.
if redis.call('EXISTS', KEYS[1]) == 0 then
    redis.call('DEL', KEYS[2])
end
local after = tonumber(ARGV[2])
local last = redis.call('XREVRANGE', KEYS[1], '+', '-', 'COUNT', 1)
if last[1] then
    after = math.max(after, tonumber(string.match(last[1][1], '^%d+')))
end
local time = redis.call('TIME')
local position = math.max(time[1] * 1000000 + time[2], after + 1)
position = string.format('%.0f', position)
redis.call('XADD', KEYS[1], position .. '-0', 'r', ARGV[1])
redis.call('XADD', KEYS[2], 'MAXLEN', '~', ARGV[3], position .. '-0', 'p', '')
return position
