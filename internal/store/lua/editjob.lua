-- editjob replaces the payload of a job that is stalled or held.
-- ARGV  6 id   7 payload   8 the contents that admit it   9 what it was held to, as unchecked() has it   10 SHA-1 of the payload
--       that it was made of
-- returns  ok | not_found, item | state, S | stale, '', if the payload is another by now | content, what the queue declares | checks, schema, stamp
--          not_found | conflict, bare | conflict, type, T
local id, payload, contents = unpack(ARGV, 6, 8)
local refusal = open_queue('job') or unchecked(ARGV[9])
if refusal then return refusal end
local job = look({id})[1]
if job.state == '' then return {'not_found', 'item'} end
if job.state ~= 'stalled' and job.state ~= 'held' then return {'state', job.state} end
local holder = job.state == 'held' and HELD or ITEMS
if redis.sha1hex(call('HGET', holder, id) or '') ~= ARGV[10] then return {'stale', ''} end
if feed.content ~= '' and not among(contents, feed.content) then return {'content', feed.content} end
start()
call('HSET', holder, id, payload)
tell_jobs('edit', {id}, {owner_of(job.text)}, actor, '')
finish_queue()
return {'ok'}
