; RUN: galeed-opt %s --passes=lend-everything -S | filecheck %s
; RUN: galeed-opt %s --passes=lend-everything -S | galeed-opt - --passes=lend-everything,attributes,pseudo-pointers -S -o /dev/null
; Stack buffers whose address is used become lent blocks, ended before each return.

%pair = type { i64, i64 }

declare void @use(ptr)
declare void @copies(ptr byval(%pair) align 8)
declare void @built(ptr inalloca(%pair))
declare ptr @malloc(i64)
declare void @free(ptr)
declare void @llvm.lifetime.start.p0(ptr)
declare void @llvm.lifetime.end.p0(ptr)

define i32 @buffer(i1 %c) {
  %plain = alloca i32, align 4
  %taken = alloca [4 x i32], align 16
  %copied = alloca %pair, align 8
  %in.place = alloca inalloca %pair, align 8
  store i32 1, ptr %plain, align 4
  call void @llvm.lifetime.start.p0(ptr nonnull %taken)
  call void @use(ptr %taken)
  call void @copies(ptr byval(%pair) align 8 %copied)
  call void @built(ptr inalloca(%pair) %in.place)
  br i1 %c, label %yes, label %no
yes:
  %v = load i32, ptr %plain, align 4
  call void @llvm.lifetime.end.p0(ptr nonnull %taken)
  ret i32 %v
no:
  ret i32 0
}
; CHECK-LABEL: define i32 @buffer(
; CHECK-NEXT:    %plain = alloca i32
; CHECK-NEXT:    %taken = call ptr @galeed_lent_new(i64 16, i64 16)
; CHECK-NEXT:    %copied = call ptr @galeed_lent_new(i64 16, i64 8)
; CHECK-NEXT:    %in.place = alloca inalloca %pair
; CHECK-NOT:     lifetime
; CHECK:         call void @use(ptr %taken)
; CHECK:         call void @galeed_lent_end(ptr %taken, i64 16, i64 16)
; CHECK-NEXT:    call void @galeed_lent_end(ptr %copied, i64 16, i64 8)
; CHECK-NEXT:    ret i32 %v
; CHECK:         call void @galeed_lent_end(ptr %taken, i64 16, i64 16)
; CHECK-NEXT:    call void @galeed_lent_end(ptr %copied, i64 16, i64 8)
; CHECK-NEXT:    ret i32 0

define void @heap(i64 %bytes) {
  %p = tail call noalias noundef ptr @malloc(i64 noundef %bytes) #0
  call void @free(ptr noundef captures(none) %p)
  ret void
}
; CHECK-LABEL: define void @heap(
; CHECK-NEXT:    %p = tail call ptr @galeed_lent_malloc(i64 noundef %bytes)
; CHECK-NEXT:    call void @galeed_lent_free(ptr noundef
; CHECK-NOT:     galeed.passes

attributes #0 = { allocsize(0) }
