-- skip notes a run of a schedule that put no job. It stands behind fire.lua, whose answers it has.
-- returns  ok
start()
finish_queue()
return {'ok'}
