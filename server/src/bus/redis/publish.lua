-- Counts a durable hint, keeps it for a while and publishes it, all or nothing.
-- KEYS: counter, epoch, log, channel. ARGV: an epoch in case there is none, how many to keep, the hint.
-- An epoch that is missing means that Redis lost its memory, or never had any: the count starts anew.
local epoch = redis.call('GET', KEYS[2])
if not epoch then
  epoch = ARGV[1]
  redis.call('SET', KEYS[2], epoch)
  redis.call('DEL', KEYS[1], KEYS[3])
end
local n = redis.call('INCR', KEYS[1])
redis.call('XADD', KEYS[3], 'MAXLEN', '~', ARGV[2], n .. '-0', 'm', ARGV[3])
redis.call('PUBLISH', KEYS[4], n .. ' ' .. epoch .. ' ' .. ARGV[3])
return n
