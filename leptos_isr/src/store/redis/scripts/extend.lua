-- Extends a right to render: KEYS the lease, ARGV who has it and for how long (ms) it goes on. Returns 0
-- if it has passed on.
if redis.call('HGET', KEYS[1], 'owner') ~= ARGV[1] then
    return 0
end
local time = redis.call('TIME')
local ends = time[1] * 1000000 + time[2] + ARGV[2] * 1000
redis.call('HSET', KEYS[1], 'end', string.format('%.0f', ends))
return 1
