-- The first records after a position: KEYS the log and its positions, ARGV the position and how many
-- records at most. False if the position is not 0 and the log did not give it, or no longer tells.
if ARGV[1] ~= '0' then
    local id = ARGV[1] .. '-0'
    if redis.call('EXISTS', KEYS[1]) == 0 or #redis.call('XRANGE', KEYS[2], id, id) == 0 then
        return false
    end
end
local after = '(' .. ARGV[1] .. '-18446744073709551615'
return redis.call('XRANGE', KEYS[1], after, '+', 'COUNT', ARGV[2])
