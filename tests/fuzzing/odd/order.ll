@g = global i32 0
define void @u(ptr %p, i32 %n) {
  br label %a
a:
  %x = phi ptr [ %p, %0 ], [ %y, %a ]
  %y = getelementptr inbounds nuw i8, ptr %x, i64 1
  %z = getelementptr nusw nuw i8, ptr %x, i64 1
  %vv = getelementptr i8, ptr %x, <2 x i64> <i64 1, i64 2>
  %w = freeze ptr %y
  %s = select i1 true, ptr %w, ptr null
  %s2 = select i1 true, ptr null, ptr getelementptr (i8, ptr @g, i64 1)
  %s3 = select <2 x i1> zeroinitializer, <2 x ptr> %vv, <2 x ptr> zeroinitializer
  %b = bitcast ptr %x to ptr
  %m = call ptr @llvm.ptrmask.p0.i64(ptr nonnull align 4 %x, i64 -8)
  %c = addrspacecast ptr %x to ptr addrspace(1)
  %cc = addrspacecast ptr addrspace(1) %c to ptr
  %e = extractvalue { ptr, i32 } zeroinitializer, 0
  %ev = extractelement <2 x ptr> %vv, i32 0
  %ssf = select nnan nsz i1 true, float 1.0, float 2.0
  %gs = getelementptr { ptr, [4 x { i32, ptr }] }, ptr %x, i64 0, i32 1, i64 2, i32 1
  %ga = getelementptr i8, ptr addrspace(1) %c, i64 0
  %gc = getelementptr i8, ptr @g, i32 %n
  %ip = inttoptr i64 55 to ptr
  br label %a
}
