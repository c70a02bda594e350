/* lua.c - classic scripts, loaded from the host's buffers. What each gives is read back as a string. */
#include "harness.h"
#include <lauxlib.h>
#include <lua.h>
#include <lualib.h>
#include <string.h>

static const struct {
    const char *name, *script;
} scripts[] = {
    {"fib", "local function fib(n) if n < 2 then return n end return fib(n - 1) + fib(n - 2) end\n"
            "return string.format('%d', fib(34))"},
    {"nbody",
     "local bodies = {}\n"
     "for i = 1, 5 do bodies[i] = {x = i, y = i * 0.5, z = -i, vx = 0.1 * i, vy = 0, vz = 0.01 * i, m = 1 / i} end\n"
     "local function advance(dt)\n"
     "  for i = 1, #bodies do local a = bodies[i]\n"
     "    for j = i + 1, #bodies do local b = bodies[j]\n"
     "      local dx, dy, dz = a.x - b.x, a.y - b.y, a.z - b.z\n"
     "      local d = dx * dx + dy * dy + dz * dz + 0.01\n"
     "      local mag = dt / (d * math.sqrt(d))\n"
     "      a.vx = a.vx - dx * b.m * mag; a.vy = a.vy - dy * b.m * mag; a.vz = a.vz - dz * b.m * mag\n"
     "      b.vx = b.vx + dx * a.m * mag; b.vy = b.vy + dy * a.m * mag; b.vz = b.vz + dz * a.m * mag\n"
     "    end\n"
     "  end\n"
     "  for i = 1, #bodies do local a = bodies[i]\n"
     "    a.x = a.x + dt * a.vx; a.y = a.y + dt * a.vy; a.z = a.z + dt * a.vz end\n"
     "end\n"
     "for _ = 1, 250000 do advance(0.001) end\n"
     "return string.format('%.12g %.12g', bodies[1].x, bodies[5].vz)"},
    {"strings",
     "local count, parts = 0, {}\n"
     "for i = 1, 400000 do\n"
     "  parts[#parts + 1] = 'item ' .. i .. ':' .. (i * 7 % 1000)\n"
     "  if #parts == 1000 then\n"
     "    local all = table.concat(parts, ',')\n"
     "    for word in all:gmatch('%d+:(%d+)') do count = count + #word end\n"
     "    count = count + #all:gsub('item', 'thing'):upper()\n"
     "    parts = {}\n"
     "  end\n"
     "end\n"
     "return string.format('%d', count)"},
    {"sort",
     "local seed, total = 42, 0\n"
     "local function random() seed = (seed * 1103515245 + 12345) % 2147483648; return seed end\n"
     "for round = 1, 6 do\n"
     "  local t = {}\n"
     "  for i = 1, 80000 do t[i] = random() end\n"
     "  table.sort(t)\n"
     "  table.sort(t, function(a, b) return a > b end)\n"
     "  total = total + t[1] + t[#t]\n"
     "end\n"
     "return string.format('%d', total)"},
};

int main(void) {
    for (size_t i = 0; i < sizeof scripts / sizeof *scripts; i++) {
        const size_t bytes = strlen(scripts[i].script);
        char *script = host_buffer(bytes), *name = host_buffer(16);
        size_t length;
        memcpy(script, scripts[i].script, bytes);
        strcpy(name, scripts[i].name);
        lua_State *lua = luaL_newstate();
        NEED(lua != NULL);
        luaL_openlibs(lua);

        case_begin();
        NEED(luaL_loadbufferx(lua, script, bytes, name, NULL) == LUA_OK);
        NEED(lua_pcallk(lua, 0, 1, 0, 0, NULL) == LUA_OK);
        const char *result = lua_tolstring(lua, -1, &length);
        NEED(result != NULL);
        case_end(scripts[i].name);
        case_check(check_bytes(CHECK_BEGIN, result, length));
        lua_close(lua);
        host_buffer_free(name);
        host_buffer_free(script);
    }
    report();
    return 0;
}
