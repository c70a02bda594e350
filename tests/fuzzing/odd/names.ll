%"a @b(c" = type { i32, ptr }
%"x %y(z, ptr %q, ptr %r" = type { i64 }
%"t\22q\5C, align 4" = type { ptr, [2 x %"a @b(c"] }
@"g\22 @h(" = global i32 0
@"e \C3\A9 %x" = global ptr @"g\22 @h("
@"bl ank}" = alias i32, ptr @"g\22 @h("
declare %"a @b(c" @take(%"a @b(c")
declare void @"f(o), ptr %p"(ptr)
define %"a @b(c" @"define void @f() {"(ptr %"p, ptr %q", %"a @b(c" %"v @w(") {
"entry:; preds = %x":
  %"a = load i32, ptr %z" = load %"a @b(c", ptr %"p, ptr %q", align 8
  %"s\22t" = getelementptr %"x %y(z, ptr %q, ptr %r", ptr %"p, ptr %q", i64 1
  %"u" = load %"x %y(z, ptr %q, ptr %r", ptr %"s\22t", align 8
  store %"x %y(z, ptr %q, ptr %r" %u, ptr %"s\22t", align 8
  %c = call %"a @b(c" @take(%"a @b(c" %"a = load i32, ptr %z")
  %k = call %"a @b(c" %"p, ptr %q"(%"a @b(c" %c)
  call void @"f(o), ptr %p"(ptr %"s\22t")
  br label %"}"
"}":
  %"phi ptr [ %x, %y ]" = phi ptr [ %"s\22t", %"entry:; preds = %x" ], [ %"phi ptr [ %x, %y ]", %"}" ]
  %"sel, !dbg !3" = select i1 true, ptr %"phi ptr [ %x, %y ]", ptr @"e \C3\A9 %x"
  %"gg" = getelementptr i8, ptr %"sel, !dbg !3", i64 3
  store ptr %gg, ptr @"g\22 @h(", align 8
  store i8 0, ptr %"sel, !dbg !3", align 1
  br i1 undef, label %"}", label %"define "
"define ":
  ret %"a @b(c" %c
}
