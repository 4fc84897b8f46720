package projection

import "github.com/redis/go-redis/v9"

// write changes a table, if it is still the one that the change was made for, and says whether it did. Nothing in it can fail
// half way: what Redis would refuse to store is not sent.
//
// KEYS: meta, data, geo. ARGV: the offset and hash of the mark before ("" for none), those after, the time at which the end was
// seen or "", milliseconds to keep the table, then each entry: put NAME VALUE, place NAME VALUE LON LAT, or drop NAME.
var write = redis.NewScript(`
local meta, data, geo = KEYS[1], KEYS[2], KEYS[3]
local stored = redis.call('HMGET', meta, 'offset', 'hash', 'entries', 'places')
if stored[1] then
  if stored[1] ~= ARGV[1] or stored[2] ~= ARGV[2] then return 0 end
  if tonumber(stored[3]) ~= redis.call('HLEN', data) then return 0 end
  if tonumber(stored[4]) ~= redis.call('ZCARD', geo) then return 0 end
elseif ARGV[1] ~= '' then
  return 0
else
  redis.call('DEL', meta, data, geo)
end
local i = 7
while i <= #ARGV do
  local op, name = ARGV[i], ARGV[i+1]
  if op == 'drop' then
    redis.call('HDEL', data, name)
    redis.call('ZREM', geo, name)
    i = i + 2
  elseif op == 'put' then
    redis.call('HSET', data, name, ARGV[i+2])
    redis.call('ZREM', geo, name)
    i = i + 3
  else
    redis.call('HSET', data, name, ARGV[i+2])
    redis.call('GEOADD', geo, ARGV[i+3], ARGV[i+4], name)
    i = i + 5
  end
end
redis.call('HSET', meta, 'offset', ARGV[3], 'hash', ARGV[4], 'entries', redis.call('HLEN', data), 'places', redis.call('ZCARD', geo))
if ARGV[5] ~= '' then redis.call('HSET', meta, 'at_end', ARGV[5]) end
redis.call('PEXPIRE', meta, ARGV[6])
redis.call('PEXPIRE', data, ARGV[6])
redis.call('PEXPIRE', geo, ARGV[6])
return 1
`) //nolint:gochecknoglobals // a constant that Go cannot write as such
