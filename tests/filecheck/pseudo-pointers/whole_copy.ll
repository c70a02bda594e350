; RUN: galeed-opt %s --passes=pseudo-pointers -S | filecheck %s
; The pointers of a stack buffer or global that is copied whole cross the membrane one by
; one: its type says where they are. (What !tbaa.struct says: typed_copy.ll.) Bytes stay bytes.

%pair = type { i32, ptr }
%packed = type <{ i8, [2 x ptr] }>

@global = global %packed zeroinitializer, align 1

declare void @llvm.memcpy.p0.p0.i64(ptr, ptr, i64, i1)
declare void @llvm.memmove.p0.p0.i64(ptr, ptr, i64, i1)

define i32 @out_of_buffer(ptr %to) {
  %local = alloca %pair, align 8
  call void @llvm.memcpy.p0.p0.i64(ptr align 8 %to, ptr align 8 %local, i64 16, i1 false)
  ret i32 0
}
; CHECK-LABEL: define i32 @out_of_buffer(
; CHECK:         call void @galeed_memmove(i64 {{%galeed.[0-9]+}}, i64 {{%galeed.[0-9]+}}, i64 16)
; CHECK-NEXT:    getelementptr i8, ptr %local, i64 8
; CHECK:         getelementptr i8, ptr %to, i64 8
; CHECK:         call preserve_mostcc i64 @galeed_load_pointer(
; CHECK-NEXT:    call preserve_mostcc void @galeed_store_pointer(
; CHECK-NEXT:    br label
; CHECK:         call void @llvm.memcpy.p0.p0.i64(ptr align 8 %to, ptr align 8 %local, i64 16, i1 false)
; CHECK-NEXT:    br label
; CHECK:         ret i32 0

define i32 @into_global(ptr %from) {
  call void @llvm.memcpy.p0.p0.i64(ptr @global, ptr %from, i64 17, i1 false)
  ret i32 1
}
; CHECK-LABEL: define i32 @into_global(
; CHECK:         call void @galeed_memmove(i64 {{%galeed.[0-9]+}}, i64 {{%galeed.[0-9]+}}, i64 17)
; CHECK-NEXT:    getelementptr i8, ptr %from, i64 1
; CHECK:         getelementptr i8, ptr @global, i64 1
; CHECK:         call preserve_mostcc i64 @galeed_load_pointer(
; CHECK-NEXT:    call preserve_mostcc void @galeed_store_pointer(
; CHECK-NEXT:    getelementptr i8, ptr %from, i64 9
; CHECK:         call preserve_mostcc i64 @galeed_load_pointer(
; CHECK-NEXT:    call preserve_mostcc void @galeed_store_pointer(
; CHECK-NEXT:    br label
; CHECK:         call void @llvm.memcpy.p0.p0.i64(ptr @global, ptr %from, i64 17, i1 false)
; CHECK-NEXT:    br label

define i32 @bytes(ptr %to, ptr %from) {
  %local = alloca %pair, align 8
  call void @llvm.memcpy.p0.p0.i64(ptr %to, ptr %from, i64 24, i1 false)
  call void @llvm.memcpy.p0.p0.i64(ptr %to, ptr %local, i64 8, i1 false)
  call void @llvm.memmove.p0.p0.i64(ptr %to, ptr %from, i64 24, i1 false)
  ret i32 2
}
; CHECK-LABEL: define i32 @bytes(
; CHECK-NOT:     @galeed_load_pointer
; CHECK-NOT:     @galeed_store_pointer
; CHECK:         ret i32 2
