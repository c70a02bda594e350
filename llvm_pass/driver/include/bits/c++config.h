/* bits/c++config.h - in front of libstdc++'s own: std::string is compiled with its user.
 *
 * Up to C++17 libstdc++'s headers leave most of std::string to libstdc++.so, which was not
 * rewritten and traps on pseudo-pointers: a string could not even be made of a lent buffer.
 * With -1 the templates are instantiated where they are used, as they are from C++20 on.
 * (Streams stay in the library.) The type and its layout are the same.
 *
 * Found by -isystem, so that nothing is included that the source would not include, nor earlier.
 * Source: libstdc++, c++config, _GLIBCXX_EXTERN_TEMPLATE.
 */
#pragma GCC system_header
#include_next <bits/c++config.h>
#if defined(_GLIBCXX_EXTERN_TEMPLATE) && _GLIBCXX_EXTERN_TEMPLATE > 0
#undef _GLIBCXX_EXTERN_TEMPLATE
#define _GLIBCXX_EXTERN_TEMPLATE -1
#endif
