"""How everything looks: colours and sizes (`theme`), symbols (`icons`), and what is painted by hand."""
