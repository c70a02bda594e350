; RUN: galeed-opt %s --passes=pseudo-pointers -S | filecheck %s
; A run of accesses stands twice behind one test of the tag: served by the runtime, and as it
; was. What is used behind it keeps its name: a phi joins the copies.

%0 = type { i32, ptr }
%named = type { i64 }

declare void @other()
declare i32 @last(ptr)
declare i32 @llvm.umin.i32(i32, i32)
declare i32 @personality(...)

define i32 @shared(ptr %p, ptr %q) {
  %a = load i32, ptr %p, align 4, !range !0
  %far = getelementptr i8, ptr %p, i64 8
  %b = load i32, ptr %far, align 4
  %least = call i32 @llvm.umin.i32(i32 %a, i32 %b)
  store i32 %least, ptr %q, align 4
  %sum = add i32 %least, 1
  ret i32 %sum
}
; CHECK-LABEL: define i32 @shared(
; CHECK-NEXT:    [[P:%galeed.[0-9]+]] = ptrtoint ptr %p to i64
; CHECK-NEXT:    [[Q:%galeed.[0-9]+]] = ptrtoint ptr %q to i64
; CHECK-NEXT:    [[PQ:%galeed.[0-9]+]] = or i64 [[P]], [[Q]]
; CHECK-NEXT:    [[TAG:%galeed.[0-9]+]] = icmp slt i64 [[PQ]], 0
; CHECK-NEXT:    br i1 [[TAG]], label %[[S:galeed.[0-9]+]], label %[[R:galeed.[0-9]+]], !prof [[RARE:![0-9]+]]
; CHECK:       [[S]]:
; CHECK:         [[W:%galeed.[0-9]+]] = call preserve_mostcc i64 @galeed_load4(
; CHECK-NEXT:    [[A:%galeed.[0-9]+]] = trunc i64 [[W]] to i32
; CHECK-NEXT:    getelementptr i8, ptr %p, i64 8
; CHECK-NEXT:    [[G:%galeed.[0-9]+]] = getelementptr i8, ptr %p, i64 8
; CHECK-NEXT:    [[FAR:%galeed.[0-9]+]] = ptrtoint ptr [[G]] to i64
; CHECK-NEXT:    [[X:%galeed.[0-9]+]] = call preserve_mostcc i64 @galeed_load4(i64 [[FAR]])
; CHECK-NEXT:    [[B:%galeed.[0-9]+]] = trunc i64 [[X]] to i32
; CHECK-NEXT:    [[LS:%galeed.[0-9]+]] = call i32 @llvm.umin.i32(i32 [[A]], i32 [[B]])
; CHECK:         [[V:%galeed.[0-9]+]] = zext i32 [[LS]] to i64
; CHECK-NEXT:    call preserve_mostcc void @galeed_store4(i64 {{%galeed.[0-9]+}}, i64 [[V]])
; CHECK-NEXT:    br label %[[J:galeed.[0-9]+]]
; CHECK:       [[R]]:
; CHECK-NEXT:    [[RA:%galeed.[0-9]+]] = load i32, ptr %p, align 4, !range
; CHECK-NEXT:    [[RG:%galeed.[0-9]+]] = getelementptr i8, ptr %p, i64 8
; CHECK-NEXT:    [[RB:%galeed.[0-9]+]] = load i32, ptr [[RG]], align 4
; CHECK-NEXT:    [[LR:%galeed.[0-9]+]] = call i32 @llvm.umin.i32(i32 [[RA]], i32 [[RB]])
; CHECK-NEXT:    store i32 [[LR]], ptr %q, align 4
; CHECK-NEXT:    br label %[[J]]
; CHECK:       [[J]]:
; CHECK-NEXT:    %least = phi i32 [ [[LS]], %[[S]] ], [ [[LR]], %[[R]] ]
; CHECK-NEXT:    %sum = add i32 %least, 1
; CHECK-NEXT:    ret i32 %sum

; A call may do anything: a test of its own behind it.
define void @calls(ptr %p) {
  store i32 1, ptr %p, align 4
  call void @other()
  store i32 2, ptr %p, align 4
  ret void
}
; CHECK-LABEL: define void @calls(
; CHECK:         icmp slt i64
; CHECK:         store i32 1, ptr %p, align 4
; CHECK:         call void @other()
; CHECK-NEXT:    ptrtoint ptr %p to i64
; CHECK-NEXT:    icmp slt i64
; CHECK:         store i32 2, ptr %p, align 4

; What is loaded inside is not known where the segment begins.
define i32 @made_inside(ptr %p) {
  %next = load ptr, ptr %p, align 8
  %v = load i32, ptr %next, align 4
  ret i32 %v
}
; CHECK-LABEL: define i32 @made_inside(
; CHECK:         %next = phi ptr
; CHECK-NEXT:    [[N:%galeed.[0-9]+]] = ptrtoint ptr %next to i64
; CHECK-NEXT:    icmp slt i64 [[N]], 0
; CHECK:         %v = phi i32

; Six instructions between two accesses stand twice, seven do not.
define i32 @gaps(ptr %p, i32 %x) {
  %a = load i32, ptr %p, align 4
  %1 = add i32 %x, 1
  %2 = add i32 %1, 1
  %3 = add i32 %2, 1
  %4 = add i32 %3, 1
  %5 = add i32 %4, 1
  %6 = add i32 %5, 1
  store i32 %6, ptr %p, align 4
  %7 = add i32 %6, 1
  %8 = add i32 %7, 1
  %9 = add i32 %8, 1
  %10 = add i32 %9, 1
  %11 = add i32 %10, 1
  %12 = add i32 %11, 1
  %13 = add i32 %12, 1
  store i32 %13, ptr %p, align 4
  ret i32 %a
}
; CHECK-LABEL: define i32 @gaps(
; CHECK:         icmp slt i64
; CHECK:         call preserve_mostcc void @galeed_store4(
; CHECK:         %a = phi i32
; CHECK-NEXT:    [[SIX:%[0-9]+]] = phi i32
; CHECK-NEXT:    add i32 [[SIX]], 1
; CHECK-NOT:     phi
; CHECK:         icmp slt i64
; CHECK:         ret i32 %a

; One test asks three pointers, no more; a pointer that was asked costs nothing.
define void @roots(ptr %a, ptr %b, ptr %c, ptr %d) {
  store i8 1, ptr %a, align 1
  store i8 2, ptr %b, align 1
  store i8 3, ptr %c, align 1
  store i8 4, ptr %a, align 1
  store i8 5, ptr %d, align 1
  ret void
}
; CHECK-LABEL: define void @roots(
; CHECK-NEXT:    ptrtoint ptr %a to i64
; CHECK-NEXT:    ptrtoint ptr %b to i64
; CHECK-NEXT:    or i64
; CHECK-NEXT:    ptrtoint ptr %c to i64
; CHECK-NEXT:    or i64
; CHECK-NEXT:    icmp slt i64
; CHECK:         store i8 1, ptr %a, align 1
; CHECK-NEXT:    store i8 2, ptr %b, align 1
; CHECK-NEXT:    store i8 3, ptr %c, align 1
; CHECK-NEXT:    store i8 4, ptr %a, align 1
; CHECK-NEXT:    br label
; CHECK:         [[D:%galeed.[0-9]+]] = ptrtoint ptr %d to i64
; CHECK-NEXT:    icmp slt i64 [[D]], 0
; CHECK:         store i8 5, ptr %d, align 1

; Phis of a block's successors, the block itself among them, name its last part. The entry block
; has a number and no label; the loop's pointer has the tag of what it started from.
define i32 @loop(ptr %0, ptr %1) {
  %3 = load i32, ptr %0, align 4
  br label %4

4:
  %5 = phi ptr [ %0, %2 ], [ %7, %4 ]
  %6 = phi i32 [ %3, %2 ], [ %9, %4 ]
  %7 = getelementptr i8, ptr %5, i64 4
  %8 = load i32, ptr %5, align 4
  %9 = add i32 %6, %8
  store i32 %9, ptr %0, align 4
  %10 = icmp eq ptr %7, %1
  br i1 %10, label %11, label %4

11:
  %12 = phi i32 [ %9, %4 ]
  ret i32 %12
}
; CHECK-LABEL: define i32 @loop(
; CHECK:         br label %[[E:galeed.[0-9]+]]
; CHECK:       [[E]]:
; CHECK-NEXT:    [[FIRST:%[0-9]+]] = phi i32
; CHECK-NEXT:    br label %[[BODY:[0-9]+]]
; CHECK:       [[BODY]]:
; CHECK-NEXT:    [[AT:%[0-9]+]] = phi ptr [ %0, %[[E]] ], [ [[NEXT:%[0-9]+]], %[[END:galeed.[0-9]+]] ]
; CHECK-NEXT:    [[SUM:%[0-9]+]] = phi i32 [ [[FIRST]], %[[E]] ], [ [[NEW:%[0-9]+]], %[[END]] ]
; CHECK-NEXT:    [[NEXT]] = getelementptr i8, ptr [[AT]], i64 4
; CHECK-NEXT:    [[T:%galeed.[0-9]+]] = ptrtoint ptr %0 to i64
; CHECK-NEXT:    icmp slt i64 [[T]], 0
; CHECK:         call preserve_mostcc i64 @galeed_load4(
; CHECK:         load i32, ptr [[AT]], align 4
; CHECK:       [[END]]:
; CHECK-NEXT:    [[NEW]] = phi i32
; CHECK-NEXT:    [[DONE:%[0-9]+]] = icmp eq ptr [[NEXT]], %1
; CHECK-NEXT:    br i1 [[DONE]], label %[[OUT:[0-9]+]], label %[[BODY]]
; CHECK:       [[OUT]]:
; CHECK-NEXT:    phi i32 [ [[NEW]], %[[END]] ]

; Types and values of one name: %0 and %named stay what they are.
define i32 @numbers(ptr %0) {
  %2 = load i32, ptr %0, align 4
  %3 = getelementptr %0, ptr %0, i64 0, i32 1
  store ptr null, ptr %3, align 8
  ret i32 %2
}
define i32 @names(ptr %p, i32 %x) {
  %v = load i32, ptr %p, align 4
  %named = add i32 %x, 1
  %g = getelementptr %named, ptr %p, i64 1
  store i32 %named, ptr %g, align 4
  ret i32 %v
}
define void @loaded(ptr %p) {
  %g = getelementptr %named, ptr %p, i64 1
  %named = load i32, ptr %p, align 4
  store i32 %named, ptr %g, align 4
  store %named zeroinitializer, ptr %g, align 8
  ret void
}
; CHECK-LABEL: define i32 @numbers(
; CHECK:         getelementptr %0, ptr %0, i64 0, i32 1
; CHECK:         call preserve_mostcc void @galeed_store8(
; CHECK:         getelementptr %0, ptr %0, i64 0, i32 1
; CHECK-NEXT:    store ptr null,
; CHECK-LABEL: define i32 @names(
; CHECK:         %v = phi i32
; CHECK-NEXT:    %named = add i32 %x, 1
; CHECK-NEXT:    %g = getelementptr %named, ptr %p, i64 1
; CHECK:         icmp slt i64
; CHECK:         store i32 %named, ptr %g, align 4
; CHECK-LABEL: define void @loaded(
; CHECK:         %named = phi i32
; CHECK:         getelementptr %named, ptr %p, i64 1
; CHECK:         store i32 %named, ptr %g, align 4
; CHECK:         store %named zeroinitializer, ptr %g, align 8

; A string may look like a value.
define void @strings(ptr %p) {
  %1 = load i32, ptr %p, align 4
  store [4 x i8] c"%1ab", ptr %p, align 1
  store i32 %1, ptr %p, align 4
  ret void
}
; CHECK-LABEL: define void @strings(
; CHECK:         store [4 x i8] c"%1ab", ptr %p, align 1

; What is rewritten by itself, here for its address space, stands once; so does what computes such
; addresses, whose type the pass does not tell.
define i32 @spaces(ptr %p) {
  %s = addrspacecast ptr %p to ptr addrspace(1)
  %a = load i32, ptr %p, align 4
  %b = load i32, ptr addrspace(1) %s, align 4
  %c = load i32, ptr %p, align 4
  %g = getelementptr i8, ptr addrspace(1) %s, i64 4
  %d = load i32, ptr %p, align 4
  %e = load i32, ptr addrspace(1) %g, align 4
  %f = add i32 %a, %c
  %h = add i32 %f, %d
  ret i32 %h
}
; CHECK-LABEL: define i32 @spaces(
; CHECK:         %a = phi i32
; CHECK-NEXT:    addrspacecast ptr addrspace(1) %s to ptr
; CHECK:         call preserve_mostcc i64 @galeed_load4(
; CHECK:         %c = phi i32
; CHECK-NEXT:    %g = getelementptr i8, ptr addrspace(1) %s, i64 4
; CHECK:         %d = phi i32
; CHECK-NEXT:    addrspacecast ptr addrspace(1) %g to ptr

; Blocks end as they ended; their successors' phis know.
define i32 @invoked(ptr %p) personality ptr @personality {
  store i32 1, ptr %p, align 4
  invoke void @other() to label %join unwind label %bad
join:
  %v = phi i32 [ 1, %0 ]
  ret i32 %v
bad:
  %w = phi i32 [ 2, %0 ]
  %e = landingpad { ptr, i32 } cleanup
  store i32 3, ptr %p, align 4
  resume { ptr, i32 } %e
}
; CHECK-LABEL: define i32 @invoked(
; CHECK:         store i32 1, ptr %p, align 4
; CHECK:       [[I:galeed.[0-9]+]]:
; CHECK-NEXT:    invoke void @other()
; CHECK:         %v = phi i32 [ 1, %[[I]] ]
; CHECK:         %w = phi i32 [ 2, %[[I]] ]
; CHECK-NEXT:    %e = landingpad
; CHECK:         store i32 3, ptr %p, align 4
; CHECK:         resume { ptr, i32 } %e

define i32 @switched(ptr %p) {
entry:
  %n = load i32, ptr %p, align 4
  switch i32 %n, label %out [
    i32 0, label %zero
    i32 1, label %out
  ]
zero:
  store i32 1, ptr %p, align 4
  br label %out
out:
  %v = phi i32 [ %n, %entry ], [ %n, %entry ], [ 7, %zero ]
  ret i32 %v
}
; CHECK-LABEL: define i32 @switched(
; CHECK:         br label %[[S:galeed.[0-9]+]]
; CHECK:       [[S]]:
; CHECK-NEXT:    %n = phi i32
; CHECK-NEXT:    switch i32 %n, label %out [
; CHECK:       zero:
; CHECK:         br label %[[Z:galeed.[0-9]+]]
; CHECK:       [[Z]]:
; CHECK-NEXT:    br label %out
; CHECK:         %v = phi i32 [ %n, %[[S]] ], [ %n, %[[S]] ], [ 7, %[[Z]] ]

define i32 @jumps(ptr %p) {
start:
  %to = load ptr, ptr %p, align 8
  indirectbr ptr %to, [label %a, label %b]
a:
  %u = phi i32 [ 1, %start ]
  ret i32 %u
b:
  %w = phi i32 [ 2, %start ]
  ret i32 %w
}
; CHECK-LABEL: define i32 @jumps(
; CHECK:         br label %[[I:galeed.[0-9]+]]
; CHECK:       [[I]]:
; CHECK-NEXT:    %to = phi ptr
; CHECK-NEXT:    indirectbr ptr %to, [label %a, label %b]
; CHECK:         %u = phi i32 [ 1, %[[I]] ]
; CHECK:         %w = phi i32 [ 2, %[[I]] ]

define i32 @goto(ptr %p) {
start:
  %x = load i32, ptr %p, align 4
  callbr void asm sideeffect "# $0 ${1:l}", "r,!i"(i32 %x) to label %a [label %b]
a:
  %u = phi i32 [ 1, %start ]
  ret i32 %u
b:
  %w = phi i32 [ %x, %start ]
  ret i32 %w
}
; CHECK-LABEL: define i32 @goto(
; CHECK:         br label %[[C:galeed.[0-9]+]]
; CHECK:       [[C]]:
; CHECK-NEXT:    %x = phi i32
; CHECK-NEXT:    callbr void asm
; CHECK:         %u = phi i32 [ 1, %[[C]] ]
; CHECK:         %w = phi i32 [ %x, %[[C]] ]

define i32 @tail(ptr %p) {
  store i32 1, ptr %p, align 4
  %r = musttail call i32 @last(ptr %p)
  ret i32 %r
}
; CHECK-LABEL: define i32 @tail(
; CHECK:         store i32 1, ptr %p, align 4
; CHECK-NEXT:    br label %[[T:galeed.[0-9]+]]
; CHECK:       [[T]]:
; CHECK-NEXT:    %r = musttail call i32 @last(ptr %p)
; CHECK-NEXT:    ret i32 %r

; CHECK: [[RARE]] = !{!"branch_weights", i32 1, i32 2000}

!0 = !{i32 0, i32 100}
