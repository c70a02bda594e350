source_filename = "a\22b\0Adefine void @x() {\0A}"
module asm "define void @no() {"
module asm "}"
$c1 = comdat any
$"c 2" = comdat nodeduplicate
@s = private unnamed_addr constant [31 x i8] c"define void @f() {\0A}\22 @g( \00\FF\\ab"
@t = thread_local(initialexec) global i32 0, section "a \22b", align 4
@ba = global ptr blockaddress(@h, %bb)
@de = global i32 trunc (i64 sub (i64 ptrtoint (ptr dso_local_equivalent @h to i64), i64 ptrtoint (ptr @ba to i64)) to i32)
@pa = global ptr ptrauth (ptr @h, i32 2, i64 1234, ptr @ba)
@al = weak hidden alias void (ptr), ptr @h
@if = ifunc void (ptr), ptr @res
@ew = extern_weak global i32
@co = global i32 1, comdat($c1)
@part = global i32 1, partition "p q"
@san = global i32 1, sanitize_memtag, code_model "large"
define internal ptr @res() { ret ptr @h }
define weak_odr hidden void @h(ptr %p) unnamed_addr #0 section "x\22y" comdat($c1) align 32 gc "statepoint-example" prefix i32 5 prologue i8 1 personality ptr @res !dbg !9 {
  br label %bb
bb:
  ret void
}
define linkonce_odr dso_local noundef ptr @"c 2"(ptr noundef returned %p, ...) local_unnamed_addr #1 comdat {
  %v = va_arg ptr %p, i32
  %t = call ptr @llvm.threadlocal.address.p0(ptr @t)
  store i32 %v, ptr %t
  ret ptr %p
}
define available_externally protected x86_stdcallcc i32 @ae(i32 inreg %0, ptr nest %1, ptr %2, i32 %3) { 
  store i32 %0, ptr %1
  br i1 poison, label %5, label %6
5:
  br label %6
6:
  %7 = phi ptr [ %1, %4 ], [ %2, %5 ]
  store i32 %3, ptr %7
  ret i32 %3
}
define cc 99 void @cc99() { ret void }
define preserve_mostcc signext i8 @pm() #1 { ret i8 0 }
define ghccc void @ghc() { ret void }
define dllexport void @dll() { ret void }
define tailcc { ptr, i32 } @tl({ ptr, i32 } %x) { ret { ptr, i32 } %x }
attributes #0 = { nounwind "a @b(c"="readonly nofree willreturn" "qz"="x\0Ay" memory(read) }
attributes #1 = { vscale_range(1,2) allockind("alloc,zeroed") "probe-stack"="x y" uwtable(sync) }
!llvm.module.flags = !{!5}
!llvm.dbg.cu = !{!6}
!5 = !{i32 2, !"Debug Info Version", i32 3}
!6 = distinct !DICompileUnit(language: DW_LANG_C11, file: !7, producer: "clang, file: !99 version 31.0", emissionKind: FullDebug)
!7 = !DIFile(filename: "a\22é, scope: !8.c", directory: "/src")
!9 = distinct !DISubprogram(name: "x, file: !5, scope: !6", file: !7, line: 7, type: !10, unit: !6, spFlags: DISPFlagDefinition)
!10 = !DISubroutineType(types: !11)
!11 = !{null}
!named\3Aodd = !{!5}
