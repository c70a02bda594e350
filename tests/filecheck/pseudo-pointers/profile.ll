; RUN: galeed-opt %s --passes=profile,loop-versions,pseudo-pointers --profile=learn -S | filecheck %s
; Learning, each access that may meet a handle has a number, in the order of the text; its served form
; notes it, and a destructor gives the table to the runtime. Loops stay single.

source_filename = "dir/unit.c"

@own = global i32 0
@llvm.global_dtors = appending global [1 x { i32, ptr, ptr }] [{ i32, ptr, ptr } { i32 65535, ptr @last, ptr null }]

define internal void @last() {
  ret void
}

define i32 @sum(ptr %p, i64 %n) {
start:
  br label %loop

loop:
  %i = phi i64 [ 0, %start ], [ %next, %loop ]
  %sum = phi i32 [ 0, %start ], [ %more, %loop ]
  %at = getelementptr i32, ptr %p, i64 %i
  %v = load i32, ptr %at, align 4
  %more = add i32 %sum, %v
  store i32 %more, ptr @own, align 4
  %next = add i64 %i, 1
  %done = icmp eq i64 %next, %n
  br i1 %done, label %out, label %loop

out:
  store i32 %more, ptr %p, align 4
  ret i32 %more
}
; CHECK:       @llvm.global_dtors = appending global [2 x { i32, ptr, ptr }] [{{.*}}@last{{.*}}, { i32, ptr, ptr } { i32 65535, ptr @galeed.learned, ptr null }]
; CHECK:       @galeed.hits = internal global [2 x i8] zeroinitializer
; CHECK-LABEL: define i32 @sum(
; CHECK:         call preserve_mostcc i64 @galeed_load4(
; CHECK:         store i8 1, ptr @galeed.hits, align 1
; CHECK:         load i32, ptr %at, align 4, !galeed.site
; CHECK-NOT:     call ptr @galeed.entry
; CHECK:         call preserve_mostcc void @galeed_store4(
; CHECK:         store i8 1, ptr getelementptr (i8, ptr @galeed.hits, i64 1), align 1
; CHECK:         store i32 %{{.*}}, ptr %p, align 4, !galeed.site
; CHECK-LABEL: define internal void @galeed.learned()
; CHECK:         call void @galeed_profile_unit(ptr @galeed.text.unit, ptr @galeed.hits, i64 2)
