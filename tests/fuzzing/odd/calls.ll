declare void @v(...)
declare i32 @__gxx_personality_v0(...)
declare void @f(ptr)
declare void @b(ptr byval({ i32, ptr }))
define void @x(ptr %p, i64 %n, ptr addrspace(1) %q) personality ptr @__gxx_personality_v0 {
  %1 = call i32 (ptr, ...) %p(ptr %p, i32 4) [ "deopt"(ptr %p, i32 3), "f @g(x"(ptr @f), "align"() ]
  call void dso_local_equivalent @f(ptr %p)
  call void no_cfi @f(ptr %p)
  call void ptrauth (ptr @f, i32 0)(ptr %p) [ "ptrauth"(i32 0, i64 5) ]
  call void blockaddress(@x, %bb)(ptr %p)
  call void getelementptr (i8, ptr @f, i64 3)(ptr %p)
  call void addrspacecast (ptr addrspace(1) inttoptr (i64 7 to ptr addrspace(1)) to ptr)(ptr @f, ptr %p)
  call void @b(ptr byval({ i32, ptr }) align 8 %p)
  call void asm sideeffect "} @f( , !dbg !4 \22 $0", "r,~{memory}"(ptr %p)
  %2 = call i64 asm alignstack inteldialect unwind "mov $0, $1", "=r,r"(i64 %n)
  %3 = call { i32, i32 } asm "", "=r,=r"()
  invoke void %p(ptr %p)
          to label %bb unwind label %lp
bb:
  %5 = invoke fastcc ptr asm sideeffect "", "=r,r"(ptr %p) to label %bc unwind label %lp
bc:
  callbr void asm sideeffect "jmp ${0:l}", "!i,!i"() to label %bd [label %be, label %bf]
bd:
  %6 = callbr i32 asm "", "=r,r,!i"(ptr %p) to label %be [label %bf]
be:
  switch i64 %n, label %bf [
    i64 1, label %bg
    i64 2, label %bh
  ]
bf:
  indirectbr ptr %p, [label %bg, label %bh]
bg:
  indirectbr ptr %p, []
bh:
  unreachable
lp:
  %l = landingpad { ptr, i32 }
          cleanup
          catch ptr @f
          filter [2 x ptr] [ptr @f, ptr null]
  resume { ptr, i32 } %l
}
