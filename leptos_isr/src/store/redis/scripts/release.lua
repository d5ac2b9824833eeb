-- Ends a right to render: KEYS the lease, ARGV who has it, and for how long (ms) the version is
-- remembered; for longer if somebody has not given it back before.
if redis.call('HGET', KEYS[1], 'owner') ~= ARGV[1] then
    return 0
end
redis.call('HSET', KEYS[1], 'end', '0')
if not redis.call('HGET', KEYS[1], 'lost') then
    redis.call('PEXPIRE', KEYS[1], ARGV[2])
end
return 1
