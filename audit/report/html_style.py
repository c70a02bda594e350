"""How the HTML report looks, light and dark, and its filter."""

STYLE = """
:root{color-scheme:light dark;--fg:#1b1f24;--bg:#fff;--soft:#f3f4f6;--line:#d5d9de;--dim:#5c6570;
--critical:#8e1538;--high:#c0341d;--medium:#946200;--low:#2f6f9f;--metric:#6b7280;--bar:#7aa6c9}
@media (prefers-color-scheme:dark){:root{--fg:#e4e7eb;--bg:#15181c;--soft:#1f242a;--line:#363d45;--dim:#9aa4af;
--critical:#d6336c;--high:#d9513b;--medium:#a87400;--low:#3b82b5;--metric:#6b7280;--bar:#3f6f93}}
*{box-sizing:border-box}
body{margin:0 auto;max-width:75rem;padding:1rem 1.5rem;font:15px/1.5 system-ui,sans-serif;color:var(--fg);background:var(--bg)}
h1{font-size:1.4rem;margin:.2rem 0}h2{font-size:1.15rem;margin:2rem 0 .5rem}h3{font-size:1rem;font-weight:400;margin:0}
code{font:13px/1.4 ui-monospace,monospace;overflow-wrap:anywhere}
.tiles{display:flex;gap:.75rem;flex-wrap:wrap}
.tile{min-width:6.5rem;padding:.5rem .8rem;border-radius:.4rem;background:var(--soft);border-left:.35rem solid}
.tile b{display:block;font-size:1.5rem;color:var(--fg)}
.tile.critical{border-color:var(--critical)}.tile.high{border-color:var(--high)}
.tile.medium{border-color:var(--medium)}.tile.low{border-color:var(--low)}
table{border-collapse:collapse;width:100%}
th,td{text-align:left;vertical-align:top;padding:.35rem .6rem;border-bottom:1px solid var(--line)}
th{color:var(--dim);font-weight:600}
#map td:first-child{width:36%}
.bar{height:.3rem;margin-top:.2rem;border-radius:.15rem;background:var(--bar)}
.badge,.mark{display:inline-block;padding:0 .45rem;border-radius:.7rem;font-size:.8rem;white-space:nowrap}
.badge{color:#fff;background:var(--metric)}.mark{border:1px solid var(--line);color:var(--dim);white-space:normal}
.badge.critical{background:var(--critical)}.badge.high{background:var(--high)}
.badge.medium{background:var(--medium)}.badge.low{background:var(--low)}
article{margin:.6rem 0;padding:.6rem .9rem;border-radius:.4rem;background:var(--soft)}
article.quiet{opacity:.65}article ul{margin:.3rem 0;padding-left:1.2rem}
.sure,footer{color:var(--dim);font-size:.85rem;margin:.1rem 0}
form label{margin-right:1rem}footer{margin-top:2rem}
"""

SCRIPT = """
(function(){
var form=document.getElementById('filter');form.hidden=false;
form.addEventListener('change',function(){
var off={},rule=form.querySelector('select').value;
form.querySelectorAll('input').forEach(function(box){if(!box.checked)off[box.dataset.severity]=1});
document.querySelectorAll('article').forEach(function(each){
each.hidden=!!off[each.dataset.severity]||(rule!==''&&each.dataset.rule!==rule)})})
})();
"""
