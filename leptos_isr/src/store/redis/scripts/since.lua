-- The first records after a position: KEYS the log and its positions, ARGV the position and how many
-- records at most. A number if the position is not 0 and not remembered: 0 if it is older than those that
-- are, which are as many as are kept (ARGV), 1 if the log did not give it.
if ARGV[1] ~= '0' then
    local id = ARGV[1] .. '-0'
    if redis.call('EXISTS', KEYS[1]) == 0 then
        return 1
    end
    if #redis.call('XRANGE', KEYS[2], id, id) == 0 then
        local first = redis.call('XRANGE', KEYS[2], '-', '+', 'COUNT', 1)
        local is_full = redis.call('XLEN', KEYS[2]) >= tonumber(ARGV[3])
        if is_full and tonumber(ARGV[1]) < tonumber(string.match(first[1][1], '^%d+')) then
            return 0
        end
        return 1
    end
end
local after = '(' .. ARGV[1] .. '-18446744073709551615'
return redis.call('XRANGE', KEYS[1], after, '+', 'COUNT', ARGV[2])
