; RUN: galeed-opt %s --passes=pseudo-pointers -S | filecheck %s
; A load through an argument stays as it was for raw pointers and is served for handles;
; one through an alloca or a global is left alone.

@table = global [4 x i32] zeroinitializer

define i32 @argument(ptr %p) {
  %v = load i32, ptr %p, align 4
  ret i32 %v
}
; CHECK-LABEL: define i32 @argument(ptr %p)
; CHECK-NEXT:    [[BITS:%galeed.[0-9]+]] = ptrtoint ptr %p to i64
; CHECK-NEXT:    [[TAG:%galeed.[0-9]+]] = icmp slt i64 [[BITS]], 0
; CHECK-NEXT:    br i1 [[TAG]], label %[[S:galeed.[0-9]+]], label %[[R:galeed.[0-9]+]], !prof
; CHECK:       [[S]]:
; CHECK-NEXT:    [[AT:%galeed.[0-9]+]] = ptrtoint ptr %p to i64
; CHECK-NEXT:    [[W:%galeed.[0-9]+]] = call preserve_mostcc i64 @galeed_load4(i64 [[AT]])
; CHECK-NEXT:    [[SERVED:%galeed.[0-9]+]] = trunc i64 [[W]] to i32
; CHECK-NEXT:    br label %[[J:galeed.[0-9]+]]
; CHECK:       [[R]]:
; CHECK-NEXT:    [[RAW:%galeed.[0-9]+]] = load i32, ptr %p, align 4
; CHECK-NEXT:    br label %[[J]]
; CHECK:       [[J]]:
; CHECK-NEXT:    %v = phi i32 [ [[SERVED]], %[[S]] ], [ [[RAW]], %[[R]] ]
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
; CHECK:         call preserve_mostcc i64 @galeed_load1(
; CHECK:         load volatile i8, ptr %p, align 1

; Words of other types than integers come as their bits.
define half @bits(ptr %p) {
  %a = load half, ptr %p, align 2
  %b = load <2 x float>, ptr %p, align 8
  %c = fpext half %a to float
  %d = insertelement <2 x float> %b, float %c, i32 0
  store <2 x float> %d, ptr %p, align 8
  ret half %a
}
; CHECK-LABEL: define half @bits(
; CHECK:         [[A:%galeed.[0-9]+]] = call preserve_mostcc i64 @galeed_load2(
; CHECK-NEXT:    [[N:%galeed.[0-9.a-z]+]] = trunc i64 [[A]] to i16
; CHECK-NEXT:    bitcast i16 [[N]] to half
; CHECK:         [[B:%galeed.[0-9]+]] = call preserve_mostcc i64 @galeed_load8(
; CHECK-NEXT:    bitcast i64 [[B]] to <2 x float>

define x86_fp80 @odd_size(ptr %p) {
  %v = load x86_fp80, ptr %p, align 16
  ret x86_fp80 %v
}
; CHECK-LABEL: define x86_fp80 @odd_size(
; CHECK:         [[E:%galeed.[0-9]+]] = call ptr @galeed.entry(ptr %p)
; CHECK-NEXT:    call x86_fp80 @galeed.load.x86_fp80.16(ptr %p, ptr [[E]])
; CHECK:         load x86_fp80, ptr %p, align 16

; Ten bytes are loaded, so nine are spared; the slot in memory is served by the runtime.
; CHECK-LABEL: define internal x86_fp80 @galeed.load.x86_fp80.16(
; CHECK:         %bound = call i64 @llvm.usub.sat.i64(i64 %limit, i64 9)
; CHECK-NEXT:    %inside = icmp ult i64 %offset, %bound
; CHECK:         call void @galeed_load_bytes(ptr %slot, i64 %from, i64 10)

; CHECK-LABEL: define internal ptr @galeed.entry(ptr %p)
; CHECK:         lshr i64 %bits, 42
; CHECK-NEXT:    mul nuw nsw i64 %index, 32
; CHECK-NEXT:    getelementptr inbounds i8, ptr inttoptr (i64 35253360001024 to ptr)
