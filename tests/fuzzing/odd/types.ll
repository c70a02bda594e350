%op = type opaque
%rec = type { ptr, %in, <{ i8, i64 }>, [0 x i8] }
%in = type { ptr addrspace(270), i32, <3 x ptr>, <5 x i24>, x86_fp80, bfloat, ppc_fp128 }
%e = type {}
%pe = type <{}>
define target("spirv.Image", void, 1, 0) @t(target("spirv.Image", void, 1, 0) %x, ptr %p, target("x", { i32, ptr }, 3) %y) {
  %a = alloca target("spirv.Image", void, 1, 0)
  ret target("spirv.Image", void, 1, 0) %x
}
define i32 @m(ptr %p, <vscale x 4 x i32> %sv, ptr addrspace(3) %as) {
  %1 = load %rec, ptr %p
  store %rec %1, ptr %p
  %2 = load <{ i8, i64 }>, ptr %p
  %3 = load i8388600, ptr %p
  store i8388600 %3, ptr %p
  %4 = load <vscale x 2 x double>, ptr %p
  store <vscale x 4 x i32> %sv, ptr %p
  %5 = load <3 x i1>, ptr %p
  %6 = load <7 x half>, ptr %p
  %7 = load { ptr, { i32, [3 x <2 x ptr addrspace(1)>] } }, ptr %p
  %8 = load ptr addrspace(270), ptr %p
  %9 = load %e, ptr %p
  store %pe zeroinitializer, ptr %p
  %10 = load i32, ptr addrspace(3) %as
  %11 = load ptr, ptr addrspace(3) %as
  store ptr addrspace(3) %as, ptr %p
  store volatile i32 1, ptr addrspace(3) %as
  %12 = load atomic volatile i32, ptr %p syncscope("a b") monotonic, align 4
  store atomic i32 5, ptr %p syncscope("x, ptr %y") release, align 4
  %13 = atomicrmw volatile xchg ptr %p, ptr %p syncscope("q") seq_cst, align 8
  %14 = cmpxchg weak volatile ptr %p, ptr %p, ptr null syncscope("agent") acq_rel monotonic, align 8
  %15 = atomicrmw fadd ptr %p, <2 x half> zeroinitializer monotonic
  %16 = load <{ ptr, i8 }>, ptr %p, !tbaa !0
  %17 = load { [3 x { i8, i128 }], i1 }, ptr %p, align 1
  %18 = load i32, ptr %p, align 4294967296
  store { ptr, i32 } { ptr @m, i32 5 }, ptr %p
  store [3 x i8] c"a,\22", ptr %p
  store <2 x i32> splat (i32 4), ptr %p
  store ptr getelementptr (i8, ptr @m, i64 3), ptr %p
  store i64 ptrtoint (ptr @m to i64), ptr %p
  store i8 1, ptr getelementptr ({ i8, ptr }, ptr inttoptr (i64 16 to ptr), i32 0, i32 1)
  %19 = load i8, ptr null
  %20 = load i8, ptr inttoptr (i64 4 to ptr)
  %21 = va_arg ptr %p, { i32, ptr }
  %22 = load float, ptr %p
  store float 0x7FF8000000000000, ptr %p
  store x86_fp80 0xK3FFF8000000000000000, ptr %p
  store double -1.5e300, ptr %p
  store half 0xH3C00, ptr %p
  %23 = load { ptr addrspace(270), i32 }, ptr %p
  %24 = load <3 x x86_fp80>, ptr %p
  ret i32 1
}
!0 = !{!1, !1, i64 0}
!1 = !{!"p1 int", !2}
!2 = !{!"x"}
!3 = !{i32 0, i32 1}
