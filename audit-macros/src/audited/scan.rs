//! Questions about the user's expressions and patterns.

use proc_macro2::{Ident, Span, TokenStream, TokenTree};
use syn::visit::{self, Visit};
use syn::{Expr, Pat};

/// The names that a pattern binds.
pub(crate) fn bindings(pattern: &Pat, names: &mut Vec<Ident>) {
    struct Bindings<'n>(&'n mut Vec<Ident>);
    impl<'ast> Visit<'ast> for Bindings<'_> {
        fn visit_pat_ident(&mut self, pattern: &'ast syn::PatIdent) {
            self.0.push(pattern.ident.clone());
            visit::visit_pat_ident(self, pattern);
        }
        // Types and expressions in patterns bind nothing.
        fn visit_expr(&mut self, _: &'ast Expr) {}
    }
    Bindings(names).visit_pat(pattern);
}

/// What an expression does and which variables it uses.
#[derive(Default)]
pub(crate) struct Findings {
    /// Variables that the expression does not bind itself.
    pub(crate) names: Vec<Ident>,
    /// `?`, `return` and `.await` that would leave or suspend the capture.
    pub(crate) escapes: Vec<(Span, &'static str)>,
}

/// Looks through one expression.
pub(crate) fn expression(expr: &Expr) -> Findings {
    let mut scan = Scan::default();
    scan.visit_expr(expr);
    scan.findings
}

#[derive(Default)]
struct Scan {
    findings: Findings,
    bound: Vec<Ident>,
    closures: usize,
    async_blocks: usize,
}

impl Scan {
    fn name(&mut self, name: &Ident) {
        if !self.bound.contains(name) {
            self.findings.names.push(name.clone());
        }
    }

    /// Names in a macro's arguments: everything that is neither a field, a method, a path nor a macro.
    fn tokens(&mut self, tokens: TokenStream) {
        let tokens: Vec<TokenTree> = tokens.into_iter().collect();
        for (index, token) in tokens.iter().enumerate() {
            let is = |other: Option<&TokenTree>, sign: char| matches!(other, Some(TokenTree::Punct(punct)) if punct.as_char() == sign);
            match token {
                TokenTree::Group(group) => self.tokens(group.stream()),
                TokenTree::Ident(name) => {
                    let before = index.checked_sub(1).and_then(|before| tokens.get(before));
                    let behind = tokens.get(index + 1);
                    if !is(before, '.') && !is(before, ':') && !is(behind, ':') && !is(behind, '!') && !is(behind, '=')
                    {
                        self.name(name);
                    }
                }
                TokenTree::Punct(_) | TokenTree::Literal(_) => {}
            }
        }
    }
}

impl<'ast> Visit<'ast> for Scan {
    fn visit_expr_path(&mut self, path: &'ast syn::ExprPath) {
        if let (None, Some(name)) = (&path.qself, path.path.get_ident()) {
            self.name(name);
        }
    }

    fn visit_expr_closure(&mut self, closure: &'ast syn::ExprClosure) {
        let outside = self.bound.len();
        for input in &closure.inputs {
            bindings(input, &mut self.bound);
        }
        self.closures += 1;
        self.visit_expr(&closure.body);
        self.closures -= 1;
        self.bound.truncate(outside);
    }

    fn visit_block(&mut self, block: &'ast syn::Block) {
        let outside = self.bound.len();
        visit::visit_block(self, block);
        self.bound.truncate(outside);
    }

    fn visit_local(&mut self, local: &'ast syn::Local) {
        visit::visit_local(self, local);
        bindings(&local.pat, &mut self.bound);
    }

    fn visit_arm(&mut self, arm: &'ast syn::Arm) {
        let outside = self.bound.len();
        bindings(&arm.pat, &mut self.bound);
        visit::visit_arm(self, arm);
        self.bound.truncate(outside);
    }

    fn visit_expr_if(&mut self, branch: &'ast syn::ExprIf) {
        let outside = self.bound.len();
        self.visit_expr(&branch.cond);
        self.visit_block(&branch.then_branch);
        self.bound.truncate(outside);
        if let Some((_, otherwise)) = &branch.else_branch {
            self.visit_expr(otherwise);
        }
    }

    fn visit_expr_let(&mut self, condition: &'ast syn::ExprLet) {
        self.visit_expr(&condition.expr);
        bindings(&condition.pat, &mut self.bound);
    }

    fn visit_expr_async(&mut self, block: &'ast syn::ExprAsync) {
        self.async_blocks += 1;
        visit::visit_expr_async(self, block);
        self.async_blocks -= 1;
    }

    fn visit_expr_try(&mut self, question: &'ast syn::ExprTry) {
        if self.closures + self.async_blocks == 0 {
            self.findings.escapes.push((question.question_token.span, "?"));
        }
        visit::visit_expr_try(self, question);
    }

    fn visit_expr_return(&mut self, leave: &'ast syn::ExprReturn) {
        if self.closures + self.async_blocks == 0 {
            self.findings.escapes.push((leave.return_token.span, "return"));
        }
        visit::visit_expr_return(self, leave);
    }

    fn visit_expr_await(&mut self, wait: &'ast syn::ExprAwait) {
        if self.async_blocks == 0 {
            self.findings.escapes.push((wait.await_token.span, ".await"));
        }
        visit::visit_expr_await(self, wait);
    }

    fn visit_macro(&mut self, invoked: &'ast syn::Macro) {
        self.tokens(invoked.tokens.clone());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use syn::parse_quote;

    fn names(expr: &Expr) -> Vec<String> {
        expression(expr).names.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn names_are_variables_that_come_from_outside() {
        assert_eq!(names(&parse_quote!(a.b(c[d]))), ["a", "c", "d"]);
        assert_eq!(names(&parse_quote!(items.iter().map(|i| i.n + m))), ["items", "m"]);
        assert_eq!(
            names(&parse_quote!({
                let x = y;
                x
            })),
            ["y"]
        );
        assert_eq!(
            names(&parse_quote!(match a {
                Some(b) => b,
                None => c,
            })),
            ["a", "c"]
        );
        assert_eq!(names(&parse_quote!(if let Some(b) = a { b } else { c })), ["a", "c"]);
        assert_eq!(names(&parse_quote!(format!("{} {}", a.b, c::d))), ["a"]);
    }

    #[test]
    fn what_leaves_the_capture_is_found_unless_a_closure_holds_it() {
        let escapes = |expr: &Expr| expression(expr).escapes.iter().map(|(_, what)| *what).collect::<Vec<_>>();
        assert_eq!(escapes(&parse_quote!(a?.b)), ["?"]);
        assert_eq!(escapes(&parse_quote!(a.await)), [".await"]);
        assert_eq!(escapes(&parse_quote!({ return 1 })), ["return"]);
        assert!(escapes(&parse_quote!(a.iter().map(|x| x.y()?).count())).is_empty());
    }
}
