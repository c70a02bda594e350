; RUN: galeed-opt %s --passes=pseudo-pointers -S | filecheck %s

define void @word(ptr %p, i64 %v) {
  store i64 %v, ptr %p, align 8
  ret void
}
; CHECK-LABEL: define void @word(
; CHECK:         br i1
; CHECK:         [[AT:%galeed.[0-9]+]] = ptrtoint ptr %p to i64
; CHECK-NEXT:    [[V:%galeed.[0-9]+]] = bitcast i64 %v to i64
; CHECK-NEXT:    call preserve_mostcc void @galeed_store8(i64 [[AT]], i64 [[V]])
; CHECK:         store i64 %v, ptr %p, align 8

; Each width has its function; what is narrower than a word is widened with zeros.
define void @widths(ptr %p, i8 %a, i16 %b, float %c) {
  store i8 %a, ptr %p, align 1
  store volatile i16 %b, ptr %p, align 1
  store float %c, ptr %p, align 4
  ret void
}
; CHECK-LABEL: define void @widths(
; CHECK:         [[A:%galeed.[0-9]+]] = zext i8 %a to i64
; CHECK-NEXT:    call preserve_mostcc void @galeed_store1(i64 {{%galeed.[0-9]+}}, i64 [[A]])
; CHECK:         [[B:%galeed.[0-9]+]] = zext i16 %b to i64
; CHECK-NEXT:    call preserve_mostcc void @galeed_store2(i64 {{%galeed.[0-9]+}}, i64 [[B]])
; CHECK:         [[I:%galeed.[0-9a-z.]+]] = bitcast float %c to i32
; CHECK-NEXT:    [[C:%galeed.[0-9]+]] = zext i32 [[I]] to i64
; CHECK-NEXT:    call preserve_mostcc void @galeed_store4(i64 {{%galeed.[0-9]+}}, i64 [[C]])
; CHECK:         store i8 %a, ptr %p, align 1
; CHECK-NEXT:    store volatile i16 %b, ptr %p, align 1
; CHECK-NEXT:    store float %c, ptr %p, align 4

; What is computed from an alloca cannot be a handle: no question about the value.
define void @own_address(ptr %p) {
  %a = alloca i32, align 4
  store ptr %a, ptr %p, align 8
  store ptr null, ptr %p, align 8
  ret void
}
; CHECK-LABEL: define void @own_address(
; CHECK:         ptrtoint ptr %a to i64
; CHECK-NEXT:    call preserve_mostcc void @galeed_store8(
; CHECK:         ptrtoint ptr null to i64
; CHECK-NEXT:    call preserve_mostcc void @galeed_store8(

define void @pointer(ptr %p, ptr %q) {
  store ptr %q, ptr %p, align 8
  ret void
}
; CHECK-LABEL: define void @pointer(
; CHECK:         br i1
; CHECK:         [[AT:%galeed.[0-9]+]] = ptrtoint ptr %p to i64
; CHECK-NEXT:    [[Q:%galeed.[0-9]+]] = ptrtoint ptr %q to i64
; CHECK-NEXT:    call preserve_mostcc void @galeed_store_pointer(i64 [[AT]], i64 [[Q]])
; CHECK:         store ptr %q, ptr %p, align 8

define void @vector(ptr %p, <4 x float> %v) {
  store <4 x float> %v, ptr %p, align 1
  store <4 x float> zeroinitializer, ptr %p, align 1
  ret void
}
; CHECK-LABEL: define void @vector(
; CHECK:         call void @galeed.store.v4.x.float.1(ptr %p, ptr {{%galeed.[0-9]+}}, <4 x float> %v)
; CHECK:         call void @galeed.store.v4.x.float.1(ptr %p, ptr {{%galeed.[0-9]+}}, <4 x float> zeroinitializer)
; CHECK:         store <4 x float> %v, ptr %p, align 1
; CHECK-NEXT:    store <4 x float> zeroinitializer, ptr %p, align 1

; CHECK-LABEL: define internal void @galeed.store.v4.x.float.1(ptr %p, ptr %entry, <4 x float> %given)
; CHECK:         %limit.at = getelementptr inbounds i8, ptr %entry, i64 16
; CHECK:         store <4 x float> %value, ptr %address, align 1
; CHECK:         call void @galeed_store_bytes(i64 %to, ptr %slot, i64 16)
