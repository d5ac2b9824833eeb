-- Keeps a page unless a newer one is there: KEYS the page, ARGV its version, the page, and for how
-- long (ms). Version 0 is for a place that is empty. Returns 0 if a newer page is there.
local version = redis.call('HGET', KEYS[1], 'version')
if version and ARGV[1] == '0' then
    return 1
end
if version and tonumber(version) > tonumber(ARGV[1]) then
    return 0
end
redis.call('HSET', KEYS[1], 'version', ARGV[1], 'page', ARGV[2])
redis.call('PEXPIRE', KEYS[1], ARGV[3])
return 1
