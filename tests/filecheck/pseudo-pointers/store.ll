; RUN: galeed-opt %s --passes=pseudo-pointers -S | filecheck %s

define void @word(ptr %p, i64 %v) {
  store i64 %v, ptr %p, align 8
  ret void
}
; CHECK-LABEL: define void @word(
; CHECK:         call void @galeed.store.i64.8(ptr %p, ptr [[E:%galeed.[0-9]+]], i64 %v)

; What is computed from an alloca cannot be a handle: no question about the value.
define void @own_address(ptr %p) {
  %a = alloca i32, align 4
  store ptr %a, ptr %p, align 8
  store ptr null, ptr %p, align 8
  ret void
}
; CHECK-LABEL: define void @own_address(
; CHECK:         call void @galeed.store.ptr.8.raw(ptr %p, ptr [[E:%galeed.[0-9]+]], ptr %a)
; CHECK-NEXT:    call void @galeed.store.ptr.8.raw(ptr %p, ptr [[E]], ptr null)

define void @pointer(ptr %p, ptr %q) {
  store ptr %q, ptr %p, align 8
  ret void
}
; CHECK-LABEL: define void @pointer(
; CHECK:         call void @galeed.store.ptr.8(

define void @vector(ptr %p, <4 x float> %v) {
  store <4 x float> %v, ptr %p, align 1
  store <4 x float> zeroinitializer, ptr %p, align 1
  ret void
}
; CHECK-LABEL: define void @vector(
; CHECK:         call void @galeed.store.v4.x.float.1(ptr %p, ptr [[E:%galeed.[0-9]+]], <4 x float> %v)
; CHECK-NEXT:    call void @galeed.store.v4.x.float.1(ptr %p, ptr [[E]], <4 x float> zeroinitializer)

; CHECK-LABEL: define internal void @galeed.store.i64.8(ptr %p, ptr %entry, i64 %given)
; CHECK:         %limit.at = getelementptr inbounds i8, ptr %entry, i64 16
; CHECK:         store i64 %value, ptr %address, align 8
; CHECK:         call preserve_mostcc void @galeed_store8(i64 %to, i64 %word)

; CHECK-LABEL: define internal ptr @galeed.unlend(i64 %to, ptr %value)
; CHECK:         %tag = lshr i64 %bits, 62
; CHECK-NEXT:    %tagged = icmp eq i64 %tag, 1
; CHECK:         call preserve_mostcc i64 @galeed_unlend_stored(i64 %to, i64 %bits)

; CHECK-LABEL: define internal void @galeed.store.v4.x.float.1(
; CHECK:         call void @galeed_store_bytes(i64 %to, ptr %slot, i64 16)
