; RUN: galeed-opt %s --passes='print<boundary>' --disable-output 2>&1 | filecheck %s
; RUN: galeed-opt %s --passes='print<boundary>' -S 2>/dev/null | filecheck %s --check-prefix=SAME
; RUN: galeed-opt %s --passes='print<boundary>,pseudo-pointers' --disable-output 2>&1 | filecheck %s
; Where pointers come from, without debug information: by !tbaa, by the types of getelementptr, by offset.

%struct.node = type { i32, ptr, [4 x ptr] }
%pair = type { ptr, ptr }

@own = internal global [4 x i32] zeroinitializer
@root = internal global ptr null
@nodes = internal global %struct.node zeroinitializer

declare ptr @malloc(i64)
declare ptr @unknown(ptr)
declare void @llvm.memcpy.p0.p0.i64(ptr, ptr, i64, i1)
declare void @llvm.lifetime.start.p0(ptr)

; CHECK:      Printing analysis 'boundary' for function 'fields', which the host may call by name:
; CHECK-NEXT:   pseudo   argument 0: 5 loads
; CHECK-NEXT:   pseudo   argument 0 -> node at offset 8: 1 load
; CHECK-NEXT:   pseudo   argument 0 -> tagged at offset 32: 1 load
; CHECK-NEXT:   pseudo   argument 0 -> memory at offset 24: 1 load
; CHECK-NEXT:   pseudo   argument 0 -> node at a computed offset: 1 load
; CHECK-NEXT:   pseudo   argument 0 -> node at offset 32: 1 load
; CHECK-NOT:    raw
define void @fields(ptr %p, i64 %n) {
  %a = getelementptr inbounds %struct.node, ptr %p, i32 0, i32 1
  %b = load ptr, ptr %a, align 8
  %c = load i8, ptr %b, align 1
  %d = getelementptr i8, ptr %p, i64 32
  %e = load ptr, ptr %d, align 8, !tbaa !0
  %f = load i16, ptr %e, align 2
  %g = getelementptr i8, ptr %p, i64 24
  %h = load ptr, ptr %g, align 8
  %i = load i32, ptr %h, align 4
  %j = getelementptr %struct.node, ptr %p, i64 0, i32 2, i64 %n
  %k = load ptr, ptr %j, align 8
  %l = load i64, ptr %k, align 8
  %m = getelementptr %struct.node, ptr %p, i64 0, i32 2, i64 2
  %o = load ptr, ptr %m, align 8
  %q = load i64, ptr %o, align 8
  ret void
}

; CHECK:      Printing analysis 'boundary' for function 'sources', whose address is taken:
; CHECK-NEXT:   pseudo   argument 1: 1 load
; CHECK-NEXT:   pseudo   argument 3: not accessed
; CHECK-NEXT:   pseudo   what unknown returned: 1 store
; CHECK-NEXT:   pseudo   an integer made into a pointer: 1 atomicrmw
; CHECK-NEXT:   pseudo   global 'root': 1 cmpxchg
; CHECK-NEXT:   pseudo   global 'nodes' -> node at offset 8: memcpy
; CHECK-NEXT:   pseudo   the result of extractvalue: 1 load
; CHECK-NEXT:   callback argument 1 -> memory at offset 0: called
; CHECK-NEXT:   result   argument 1 -> memory at offset 0 -> what the call through it returned: returned, some by one of several pointers
; CHECK-NEXT:   result   argument 1: returned, some by one of several pointers
; CHECK-NEXT:   raw      a global 'root': 1 load
; CHECK-NEXT:   raw      a global 'nodes': 1 load
; CHECK-NEXT:   raw      a local variable: memcpy, 1 load
; CHECK-NEXT:   raw      fresh memory of malloc: 1 store
; CHECK-NEXT:   raw      a global 'own': 1 store
; CHECK-NEXT:   raw      a constant address: 1 store
; CHECK-NEXT:   raw      an argument passed as a copy '2': 1 load
define internal ptr @sources(i64 %n, ptr %q, ptr byval(%pair) %copy, { ptr, i64 } %both) {
  %local = alloca %pair, align 8
  call void @llvm.lifetime.start.p0(ptr %local)
  %a = call ptr @unknown(ptr null)
  store i8 1, ptr %a, align 1
  %b = inttoptr i64 %n to ptr
  %c = atomicrmw add ptr %b, i32 1 seq_cst, align 4
  %d = load ptr, ptr @root, align 8
  %e = cmpxchg ptr %d, i32 1, i32 2 seq_cst seq_cst, align 4
  %f = load ptr, ptr getelementptr inbounds (%struct.node, ptr @nodes, i32 0, i32 1), align 8
  call void @llvm.memcpy.p0.p0.i64(ptr %local, ptr %f, i64 16, i1 false)
  %g = extractvalue { ptr, i64 } %both, 0
  %h = load i8, ptr %g, align 1
  %i = load ptr, ptr %q, align 8
  %j = call ptr %i()
  %k = load i8, ptr %local, align 1
  %m = call ptr @malloc(i64 8)
  store i8 1, ptr %m, align 1
  store i32 1, ptr getelementptr inbounds ([4 x i32], ptr @own, i64 0, i64 2), align 4
  store i32 1, ptr inttoptr (i64 4096 to ptr), align 4
  %o = load i8, ptr %copy, align 1
  %r = icmp eq i64 %n, 0
  %s = select i1 %r, ptr %j, ptr %q
  ret ptr %s
}

; CHECK:      Printing analysis 'boundary' for function 'user', called in this module only:
define internal ptr @user() {
  ret ptr @sources
}

; CHECK:      Printing analysis 'boundary' for function 'wholes', which the host may call by name:
; CHECK-NEXT:   pseudo   argument 0: not accessed
; CHECK-NEXT:   pseudo   lanes of a vector of pointers: masked
; CHECK-NEXT:   result   a value that holds pointers: returned
define { ptr, i64 } @wholes(<2 x ptr> %v) {
  %a = call <2 x i32> @llvm.masked.gather.v2i32.v2p0(<2 x ptr> align 4 %v, <2 x i1> splat (i1 true), <2 x i32> poison)
  ret { ptr, i64 } undef
}
declare <2 x i32> @llvm.masked.gather.v2i32.v2p0(<2 x ptr>, <2 x i1>, <2 x i32>)

; SAME-NOT: galeed
; SAME:     define void @fields(ptr %p, i64 %n) {
; SAME-NEXT:   %a = getelementptr inbounds %struct.node, ptr %p, i32 0, i32 1
; SAME-NOT: galeed

!0 = !{!1, !2, i64 32}
!1 = !{!"tagged", !2, i64 32}
!2 = !{!"any pointer", !3, i64 0}
!3 = !{!"Simple C/C++ TBAA"}
