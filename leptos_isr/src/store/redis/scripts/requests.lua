-- Adds to how often pages were asked for in this hour: KEYS a sorted set, ARGV how many pages it keeps,
-- then each page and its count. When an hour is over, its set becomes that of the last hour.
local hour = tostring(math.floor(redis.call('TIME')[1] / 3600))
local last = KEYS[1] .. ':last'
local of = redis.call('GET', KEYS[1] .. ':hour')
if of ~= hour then
    redis.call('DEL', last)
    if tonumber(of or 0) == tonumber(hour) - 1 and redis.call('EXISTS', KEYS[1]) == 1 then
        redis.call('RENAME', KEYS[1], last)
        redis.call('EXPIRE', last, 7200)
    else
        redis.call('DEL', KEYS[1])
    end
    redis.call('SET', KEYS[1] .. ':hour', hour)
end
for i = 2, #ARGV, 2 do
    redis.call('ZINCRBY', KEYS[1], ARGV[i + 1], ARGV[i])
end
redis.call('ZREMRANGEBYRANK', KEYS[1], 0, -1 - ARGV[1])
redis.call('EXPIRE', KEYS[1], 7200)
return 1
