-- Gives the right to render a page: KEYS the lease, ARGV who asks, for how long (ms), the lowest
-- version, and for how long the last version is remembered (ms). Returns the version; false while
-- another one has the right.
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local lease = redis.call('HMGET', KEYS[1], 'owner', 'end', 'version')
if lease[1] and lease[1] ~= ARGV[1] then
    -- One that ends later than any that is given now is by the clock of a server that was before.
    local left = tonumber(lease[2]) - now
    if left > 0 and left <= ARGV[2] * 1000 then
        return false
    end
end
-- Somebody who has not given it back may go on: what they render must stay the older one.
if lease[1] and lease[2] ~= '0' then
    redis.call('HSET', KEYS[1], 'lost', '1')
end
local version = math.max(now, tonumber(ARGV[3]), tonumber(lease[3] or 0) + 1)
version = string.format('%.0f', version)
local ends = string.format('%.0f', now + ARGV[2] * 1000)
redis.call('HSET', KEYS[1], 'owner', ARGV[1], 'end', ends, 'version', version)
redis.call('PEXPIRE', KEYS[1], ARGV[4])
return version
