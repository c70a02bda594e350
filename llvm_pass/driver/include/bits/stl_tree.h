/* bits/stl_tree.h - behind libstdc++'s own: trees are kept in balance by code of the unit.
 *
 * libstdc++'s headers leave the steps that do not depend on the type (next, previous, insert,
 * erase) to libstdc++.so, which was not rewritten and traps on nodes in lent memory. Inline
 * definitions here are what map, set and their kin call instead; nodes and header are the same.
 *
 * Invariant, of libstdc++'s header node: its parent is the root, its left and right are the
 * first and the last node, the root's parent is the header, which alone is red there.
 * Source: [CLRS], 13.1-13.4; libstdc++, stl_tree.h for the declarations.
 */
#pragma GCC system_header
#include_next <bits/stl_tree.h>
#if !defined(GALEED_STL_TREE_H) && defined(_GLIBCXX_RELEASE) && _GLIBCXX_RELEASE < 16
#define GALEED_STL_TREE_H

namespace std _GLIBCXX_VISIBILITY(default) {
_GLIBCXX_BEGIN_NAMESPACE_VERSION

inline _Rb_tree_node_base *_Rb_tree_increment(_Rb_tree_node_base *__x) throw() {
    if (__x->_M_right) return _Rb_tree_node_base::_S_minimum(__x->_M_right);
    _Rb_tree_node_base *__above = __x->_M_parent;
    while (__x == __above->_M_right) {
        __x = __above;
        __above = __above->_M_parent;
    }
    /* From the root as the last node the walk went to the header and back to it. */
    return __x->_M_right == __above ? __x : __above;
}

inline _Rb_tree_node_base *_Rb_tree_decrement(_Rb_tree_node_base *__x) throw() {
    if (__x->_M_color == _S_red && __x->_M_parent->_M_parent == __x) return __x->_M_right; /* from the end */
    if (__x->_M_left) return _Rb_tree_node_base::_S_maximum(__x->_M_left);
    _Rb_tree_node_base *__above = __x->_M_parent;
    while (__x == __above->_M_left) {
        __x = __above;
        __above = __above->_M_parent;
    }
    return __above;
}

inline const _Rb_tree_node_base *_Rb_tree_increment(const _Rb_tree_node_base *__x) throw() {
    return _Rb_tree_increment(const_cast<_Rb_tree_node_base *>(__x));
}
inline const _Rb_tree_node_base *_Rb_tree_decrement(const _Rb_tree_node_base *__x) throw() {
    return _Rb_tree_decrement(const_cast<_Rb_tree_node_base *>(__x));
}

inline _Rb_tree_node_base *&__galeed_child(_Rb_tree_node_base *__x, bool __left) {
    return __left ? __x->_M_left : __x->_M_right;
}
inline bool __galeed_is_black(const _Rb_tree_node_base *__x) { return !__x || __x->_M_color == _S_black; }

/* Where the tree above holds __x, it holds __by. */
inline void __galeed_replace(_Rb_tree_node_base *__x, _Rb_tree_node_base *__by, _Rb_tree_node_base &__header) {
    if (__header._M_parent == __x) __header._M_parent = __by;
    else __galeed_child(__x->_M_parent, __x == __x->_M_parent->_M_left) = __by;
}

/* Down on the side of __left goes __x; its other child takes its place. */
inline void __galeed_rotate(_Rb_tree_node_base *__x, bool __left, _Rb_tree_node_base &__header) {
    _Rb_tree_node_base *__up = __galeed_child(__x, !__left), *__inner = __galeed_child(__up, __left);
    __galeed_child(__x, !__left) = __inner;
    if (__inner) __inner->_M_parent = __x;
    __galeed_replace(__x, __up, __header);
    __up->_M_parent = __x->_M_parent;
    __galeed_child(__up, __left) = __x;
    __x->_M_parent = __up;
}

inline void _Rb_tree_insert_and_rebalance(const bool __insert_left, _Rb_tree_node_base *__x,
                                          _Rb_tree_node_base *__above, _Rb_tree_node_base &__header) throw() {
    __x->_M_parent = __above;
    __x->_M_left = __x->_M_right = 0;
    __x->_M_color = _S_red;
    if (__above == &__header) {
        __header._M_parent = __header._M_left = __header._M_right = __x;
    } else {
        __galeed_child(__above, __insert_left) = __x;
        if (__galeed_child(&__header, __insert_left) == __above) __galeed_child(&__header, __insert_left) = __x;
    }
    while (__x != __header._M_parent && __x->_M_parent->_M_color == _S_red) {
        _Rb_tree_node_base *__grand = __x->_M_parent->_M_parent;
        const bool __left = __x->_M_parent == __grand->_M_left;
        _Rb_tree_node_base *__uncle = __galeed_child(__grand, !__left);
        if (!__galeed_is_black(__uncle)) {
            __x->_M_parent->_M_color = __uncle->_M_color = _S_black;
            __grand->_M_color = _S_red;
            __x = __grand;
            continue;
        }
        if (__x == __galeed_child(__x->_M_parent, !__left)) {
            __x = __x->_M_parent;
            __galeed_rotate(__x, __left, __header);
        }
        __x->_M_parent->_M_color = _S_black;
        __grand->_M_color = _S_red;
        __galeed_rotate(__grand, !__left, __header);
    }
    __header._M_parent->_M_color = _S_black;
}

/* A black node is gone above __x, which may be null. */
inline void __galeed_restore(_Rb_tree_node_base *__x, _Rb_tree_node_base *__above, _Rb_tree_node_base &__header) {
    while (__x != __header._M_parent && __galeed_is_black(__x)) {
        const bool __left = __x == __above->_M_left;
        _Rb_tree_node_base *__other = __galeed_child(__above, !__left);
        if (__other->_M_color == _S_red) {
            __other->_M_color = _S_black;
            __above->_M_color = _S_red;
            __galeed_rotate(__above, __left, __header);
            __other = __galeed_child(__above, !__left);
        }
        if (__galeed_is_black(__other->_M_left) && __galeed_is_black(__other->_M_right)) {
            __other->_M_color = _S_red;
            __x = __above;
            __above = __above->_M_parent;
            continue;
        }
        if (__galeed_is_black(__galeed_child(__other, !__left))) {
            __galeed_child(__other, __left)->_M_color = _S_black;
            __other->_M_color = _S_red;
            __galeed_rotate(__other, !__left, __header);
            __other = __galeed_child(__above, !__left);
        }
        __other->_M_color = __above->_M_color;
        __above->_M_color = _S_black;
        __galeed_child(__other, !__left)->_M_color = _S_black;
        __galeed_rotate(__above, __left, __header);
        break;
    }
    if (__x) __x->_M_color = _S_black;
}

inline _Rb_tree_node_base *_Rb_tree_rebalance_for_erase(_Rb_tree_node_base *const __z,
                                                        _Rb_tree_node_base &__header) throw() {
    _Rb_tree_node_base *__child, *__above;
    _Rb_tree_color __lost = __z->_M_color;
    if (__z->_M_left && __z->_M_right) {
        _Rb_tree_node_base *__next = _Rb_tree_node_base::_S_minimum(__z->_M_right);
        __child = __next->_M_right;
        __above = __next;
        if (__next != __z->_M_right) {
            __above = __next->_M_parent;
            __above->_M_left = __child;
            if (__child) __child->_M_parent = __above;
            __next->_M_right = __z->_M_right;
            __z->_M_right->_M_parent = __next;
        }
        __next->_M_left = __z->_M_left;
        __z->_M_left->_M_parent = __next;
        __galeed_replace(__z, __next, __header);
        __next->_M_parent = __z->_M_parent;
        __lost = __next->_M_color;
        __next->_M_color = __z->_M_color;
    } else {
        __child = __z->_M_left ? __z->_M_left : __z->_M_right;
        __above = __z->_M_parent;
        __galeed_replace(__z, __child, __header);
        if (__child) __child->_M_parent = __above;
        if (__header._M_left == __z)
            __header._M_left = __child ? _Rb_tree_node_base::_S_minimum(__child) : __above;
        if (__header._M_right == __z)
            __header._M_right = __child ? _Rb_tree_node_base::_S_maximum(__child) : __above;
    }
    if (__lost == _S_black) __galeed_restore(__child, __above, __header);
    return __z;
}

_GLIBCXX_END_NAMESPACE_VERSION
} // namespace std
#endif
