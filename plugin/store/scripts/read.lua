-- What is known; with the waiting certificates where ARGV 5 is '1'. A trigger past its deadline ends here.
-- include answer.lua
-- include change.lua
commit()
if not flat[1] then return { 'unknown', note } end
return answer('record', ARGV[5] == '1')
