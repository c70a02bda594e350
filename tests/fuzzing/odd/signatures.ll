@g = global ptr null
declare void @v(...)
declare i32 @__gxx_personality_v0(...)
declare ptr @r(ptr)
define void @"callees"(ptr %p, i64 %n, ptr addrspace(1) %q) personality ptr @__gxx_personality_v0 {
  call void inttoptr (i64 5 to ptr)(ptr %p)
  call void null(ptr %p)
  call void poison()
  call void undef(ptr @v, ptr %p)
  call void (...) @v(i32 1, ptr %p)
  %1 = tail call fastcc noundef align 8 dereferenceable(8) ptr %p(ptr noundef nonnull align 8 dereferenceable(4) captures(none) initializes((0, 4), (8, 12)) %p)
  %2 = call range(i32 0, 5) i32 %p(float nofpclass(nan inf) 1.0, i32 range(i32 -3, 7) 1)
  %3 = call nnan ninf nofpclass(zero) float %p(ptr swiftself %p)
  ret void
}
