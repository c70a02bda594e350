; RUN: galeed-opt %s --passes=pseudo-pointers -S | filecheck %s
; A load through an argument is checked, one through an alloca or a global is not.

@table = global [4 x i32] zeroinitializer

define i32 @argument(ptr %p) {
  %v = load i32, ptr %p, align 4
  ret i32 %v
}
; CHECK-LABEL: define i32 @argument(ptr %p)
; CHECK-NEXT:    [[E:%galeed.[0-9]+]] = call ptr @galeed.entry(ptr %p)
; CHECK-NEXT:    %v = call i32 @galeed.load.i32.4(ptr %p, ptr [[E]])
; CHECK-NEXT:    ret i32 %v

define i32 @raw(i64 %i) {
  %a = alloca [4 x i32], align 16
  %g = getelementptr [4 x i32], ptr @table, i64 0, i64 %i
  %l = getelementptr [4 x i32], ptr %a, i64 0, i64 %i
  %v = load i32, ptr %g, align 4
  %w = load i32, ptr %l, align 4
  %x = load i32, ptr @table, align 4
  %s = add i32 %v, %w
  ret i32 %s
}
; CHECK-LABEL: define i32 @raw(
; CHECK:         %v = load i32, ptr %g, align 4
; CHECK-NEXT:    %w = load i32, ptr %l, align 4
; CHECK-NEXT:    %x = load i32, ptr @table, align 4

define i8 @volatile(ptr %p) {
  %v = load volatile i8, ptr %p, align 1
  ret i8 %v
}
; CHECK-LABEL: define i8 @volatile(
; CHECK:         %v = call i8 @galeed.load.i8.1.volatile(

define x86_fp80 @odd_size(ptr %p) {
  %v = load x86_fp80, ptr %p, align 16
  ret x86_fp80 %v
}
; CHECK-LABEL: define x86_fp80 @odd_size(
; CHECK:         %v = call x86_fp80 @galeed.load.x86_fp80.16(

; CHECK-LABEL: define internal ptr @galeed.entry(ptr %p)
; CHECK:         lshr i64 %bits, 42
; CHECK-NEXT:    mul nuw nsw i64 %index, 32
; CHECK-NEXT:    getelementptr inbounds i8, ptr inttoptr (i64 35253360001024 to ptr)

; CHECK-LABEL: define internal i32 @galeed.load.i32.4(ptr %p, ptr %entry)
; CHECK:         %base = load i64, ptr %entry, align 32, !invariant.load
; CHECK:         %limit.at = getelementptr inbounds i8, ptr %entry, i64 8
; CHECK:         %offset = sub i64 %from, %base
; CHECK-NEXT:    %bound = call i64 @llvm.usub.sat.i64(i64 %limit, i64 3)
; CHECK-NEXT:    %inside = icmp ult i64 %offset, %bound
; CHECK:       fast:
; CHECK-NEXT:    %address = getelementptr i8, ptr %p, i64 %delta
; CHECK-NEXT:    %direct = load i32, ptr %address, align 4
; CHECK:       slow:
; CHECK-NEXT:    %word = call preserve_mostcc i64 @galeed_load4(i64 %from)

; CHECK-LABEL: define internal i8 @galeed.load.i8.1.volatile(
; CHECK:         %direct = load volatile i8, ptr %address, align 1

; Ten bytes are loaded, so nine are spared; the slot in memory is served by the runtime.
; CHECK-LABEL: define internal x86_fp80 @galeed.load.x86_fp80.16(
; CHECK:         %bound = call i64 @llvm.usub.sat.i64(i64 %limit, i64 9)
; CHECK:         call void @galeed_load_bytes(ptr %slot, i64 %from, i64 10)
