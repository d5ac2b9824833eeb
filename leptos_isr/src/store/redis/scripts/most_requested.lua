-- The pages that were asked for most in this hour and the last one, the first most: KEYS the sorted set
-- of this hour, ARGV how many pages.
local all = redis.call('ZUNION', 2, KEYS[1], KEYS[1] .. ':last')
local most = {}
for i = #all, math.max(1, #all - ARGV[1] + 1), -1 do
    most[#most + 1] = all[i]
end
return most
