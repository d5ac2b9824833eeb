-- Appends a purge record: KEYS the log and its positions, ARGV the record, the last position that
-- the caller knows, how many positions are kept, and how far a position is above the last one where
-- the clock is not. Returns the record's position.
local after = tonumber(ARGV[2])
for _, key in ipairs(KEYS) do
    local last = redis.call('XREVRANGE', key, '+', '-', 'COUNT', 1)
    if last[1] then
        after = math.max(after, tonumber(string.match(last[1][1], '^%d+')))
    end
end
-- Pages may have seen the positions of a log that is gone, so this one's are above them; but they must
-- not vouch for it.
if redis.call('EXISTS', KEYS[1]) == 0 then
    redis.call('DEL', KEYS[2])
end
local time = redis.call('TIME')
local position = math.max(time[1] * 1000000 + time[2], after + ARGV[4])
position = string.format('%.0f', position)
redis.call('XADD', KEYS[1], position .. '-0', 'r', ARGV[1])
redis.call('XADD', KEYS[2], 'MAXLEN', '~', ARGV[3], position .. '-0', 'p', '')
return position
