/* bits/stl_list.h - behind libstdc++'s own: list nodes are linked by code of the unit.
 *
 * As with trees (stl_tree.h), libstdc++.so would trap on nodes in lent memory.
 * Source: libstdc++, stl_list.h for the declarations and their meaning.
 */
#pragma GCC system_header
#include_next <bits/stl_list.h>
#if !defined(GALEED_STL_LIST_H) && defined(_GLIBCXX_RELEASE) && _GLIBCXX_RELEASE < 16
#define GALEED_STL_LIST_H

namespace std _GLIBCXX_VISIBILITY(default) {
_GLIBCXX_BEGIN_NAMESPACE_VERSION
namespace __detail {

inline void _List_node_base::_M_hook(_List_node_base *const __at) _GLIBCXX_USE_NOEXCEPT {
    _M_next = __at;
    _M_prev = __at->_M_prev;
    _M_prev->_M_next = this;
    __at->_M_prev = this;
}

inline void _List_node_base::_M_unhook() _GLIBCXX_USE_NOEXCEPT {
    _M_next->_M_prev = _M_prev;
    _M_prev->_M_next = _M_next;
}

/* [first, last) goes in front of this node. */
inline void _List_node_base::_M_transfer(_List_node_base *const __first,
                                         _List_node_base *const __last) _GLIBCXX_USE_NOEXCEPT {
    if (this == __last || __first == __last) return;
    _List_node_base *const __end = __last->_M_prev;
    __first->_M_prev->_M_next = __last;
    __last->_M_prev = __first->_M_prev;
    __first->_M_prev = _M_prev;
    _M_prev->_M_next = __first;
    __end->_M_next = this;
    _M_prev = __end;
}

inline void _List_node_base::_M_reverse() _GLIBCXX_USE_NOEXCEPT {
    _List_node_base *__at = this;
    do {
        _List_node_base *const __next = __at->_M_next;
        __at->_M_next = __at->_M_prev;
        __at->_M_prev = __next;
        __at = __next;
    } while (__at != this);
}

/* The headers of two lists exchange what hangs on them. */
inline void _List_node_base::swap(_List_node_base &__x, _List_node_base &__y) _GLIBCXX_USE_NOEXCEPT {
    const bool __x_is_empty = __x._M_next == &__x, __y_is_empty = __y._M_next == &__y;
    const _List_node_base __old = __x;
    if (__y_is_empty) __x._M_next = __x._M_prev = &__x;
    else {
        __x = __y;
        __x._M_next->_M_prev = __x._M_prev->_M_next = &__x;
    }
    if (__x_is_empty) __y._M_next = __y._M_prev = &__y;
    else {
        __y = __old;
        __y._M_next->_M_prev = __y._M_prev->_M_next = &__y;
    }
}

} // namespace __detail
_GLIBCXX_END_NAMESPACE_VERSION
} // namespace std
#endif
