package store

import "testing"

func TestWithoutIdle(t *testing.T) {
	script := `-- names idle, which is no use of it
local function deep()
  return 1
end

local function idle()
  local function inner()
    return deep()
  end
  return idle() + inner()
end
local function shallow(a)
  if a then
    return deep
  end
end
return shallow(1)
`
	want := `
local function deep()
  return 1
end







local function shallow(a)
  if a then
    return deep
  end
end
return shallow(1)
`
	if got := withoutIdle(script); got != want {
		t.Errorf("%s", got)
	}
}
