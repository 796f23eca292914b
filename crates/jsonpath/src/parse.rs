//! Understanding templates.

use serde_json::Value;

use super::{BadTemplate, Filter, Operand, Operator, Part, Path, Step};

/// Ranges or filters within each other; more are a mistake, and might be deeper than a stack.
const DEPTH_MAX: usize = 16;

pub(super) fn template(text: &str) -> Result<Vec<Part>, BadTemplate> {
    let mut parser = Parser {
        letters: text.chars().collect(),
        at: 0,
        filters: 0,
    };
    parser.parts(0)
}

struct Parser {
    letters: Vec<char>,
    at: usize,
    /// How many filters the place is in.
    filters: usize,
}

type Parsed<T> = Result<T, BadTemplate>;

impl Parser {
    /// Text and braces, up to the end, or within a range to its `{end}`.
    fn parts(&mut self, depth: usize) -> Parsed<Vec<Part>> {
        let mut parts = Vec::new();
        loop {
            let text = self.take_while(|letter| letter != '{');
            if !text.is_empty() {
                parts.push(Part::Text(text));
            }
            if !self.eat("{") {
                return match depth {
                    0 => Ok(parts),
                    _ => self.refuse("{range} has no {end}"),
                };
            }
            self.skip_blanks();
            if self.eat_word("end") {
                self.close()?;
                return match depth {
                    0 => self.refuse("{end} has no {range} before it"),
                    _ => Ok(parts),
                };
            }
            if self.eat_word("range") {
                if depth == DEPTH_MAX {
                    return self.refuse("too many ranges within each other");
                }
                self.skip_blanks();
                let path = self.path()?;
                self.close()?;
                parts.push(Part::Range(path, self.parts(depth + 1)?));
                continue;
            }
            self.expressions(&mut parts)?;
        }
    }

    /// Paths and quoted text up to the closing brace.
    fn expressions(&mut self, parts: &mut Vec<Part>) -> Parsed<()> {
        loop {
            self.skip_blanks();
            match self.peek() {
                Some('}') => return self.close(),
                Some('"' | '\'') => parts.push(Part::Text(self.quoted()?)),
                Some(_) => parts.push(Part::Path(self.path()?)),
                None => return self.refuse("{ has no }"),
            }
        }
    }

    fn close(&mut self) -> Parsed<()> {
        self.skip_blanks();
        match self.eat("}") {
            true => Ok(()),
            false => self.refuse("} is expected"),
        }
    }

    fn path(&mut self) -> Parsed<Path> {
        let start = self.at;
        let mut path = Path {
            from_root: self.eat("$"),
            steps: Vec::new(),
        };
        if !path.from_root && !self.eat("@") {
            // `spec.x` is `.spec.x`.
            let name = self.name();
            if !name.is_empty() {
                path.steps.push(Step::Key(name));
            }
        }
        loop {
            if self.eat("..") {
                path.steps.push(Step::Descend);
                self.named(&mut path.steps);
            } else if self.eat(".") {
                self.named(&mut path.steps);
            } else if self.eat("[") {
                path.steps.push(self.bracket()?);
            } else if self.at == start {
                return self.refuse("a path such as .spec.x is expected");
            } else {
                return Ok(path);
            }
        }
    }

    /// What follows a point: a name, a star, or nothing.
    fn named(&mut self, steps: &mut Vec<Step>) {
        if self.eat("*") {
            steps.push(Step::Every);
            return;
        }
        let name = self.name();
        if !name.is_empty() {
            steps.push(Step::Key(name));
        }
    }

    /// A backslash takes the meaning of the next letter away, as in `kubernetes\.io`.
    fn name(&mut self) -> String {
        let mut name = String::new();
        while let Some(letter) = self.peek() {
            match letter {
                '\\' => {
                    self.at += 1;
                    name.extend(self.next());
                }
                '.' | '[' | ']' | '{' | '}' | '(' | ')' | ',' | '"' | '\'' | '=' | '!' | '<'
                | '>' | '*' | '@' | '$' => break,
                blank if blank.is_whitespace() => break,
                letter => {
                    self.at += 1;
                    name.push(letter);
                }
            }
        }
        name
    }

    fn bracket(&mut self) -> Parsed<Step> {
        self.skip_blanks();
        if self.eat("?(") {
            if self.filters == DEPTH_MAX {
                return self.refuse("too many filters within each other");
            }
            self.filters += 1;
            let filter = self.filter()?;
            self.filters -= 1;
            self.expect(")")?;
            self.expect("]")?;
            return Ok(Step::Filter(filter));
        }
        let mut steps = vec![self.selector()?];
        loop {
            self.skip_blanks();
            if self.eat("]") {
                break;
            }
            self.expect(",")?;
            steps.push(self.selector()?);
        }
        Ok(match steps.pop() {
            Some(only) if steps.is_empty() => only,
            last => {
                steps.extend(last);
                Step::Each(steps)
            }
        })
    }

    /// One of what stands in brackets, separated by commas.
    fn selector(&mut self) -> Parsed<Step> {
        self.skip_blanks();
        match self.peek() {
            Some('"' | '\'') => return Ok(Step::Key(self.quoted()?)),
            Some('*') => {
                self.at += 1;
                return Ok(Step::Every);
            }
            _ => {}
        }
        let from = self.number()?;
        if !self.eat(":") {
            return match from {
                Some(index) => Ok(Step::Index(index)),
                None => self.refuse("a number, 'NAME', * or ?(...) is expected"),
            };
        }
        let to = self.number()?;
        let step = match self.eat(":") {
            true => self.number()?.unwrap_or(1),
            false => 1,
        };
        match usize::try_from(step) {
            Ok(step @ 1..) => Ok(Step::Slice { from, to, step }),
            _ => self.refuse("a step of at least 1 is expected"),
        }
    }

    fn number(&mut self) -> Parsed<Option<i64>> {
        let digits = self.take_while(|letter| letter.is_ascii_digit() || letter == '-');
        match digits.parse() {
            Ok(number) => Ok(Some(number)),
            Err(_) if digits.is_empty() => Ok(None),
            Err(_) => self.refuse("the number is none"),
        }
    }

    fn filter(&mut self) -> Parsed<Filter> {
        const OPERATORS: &[(&str, Operator)] = &[
            ("==", Operator::Equal),
            ("!=", Operator::NotEqual),
            ("<=", Operator::LessOrEqual),
            (">=", Operator::GreaterOrEqual),
            ("<", Operator::Less),
            (">", Operator::Greater),
        ];
        let left = self.operand()?;
        self.skip_blanks();
        for (text, operator) in OPERATORS {
            if self.eat(text) {
                return Ok(Filter::Compare(left, *operator, self.operand()?));
            }
        }
        match left {
            Operand::Path(path) => Ok(Filter::Exists(path)),
            Operand::Value(_) => self.refuse("an operator such as == is expected"),
        }
    }

    fn operand(&mut self) -> Parsed<Operand> {
        self.skip_blanks();
        match self.peek() {
            Some('"' | '\'') => Ok(Operand::Value(Value::String(self.quoted()?))),
            Some('@' | '$' | '.') => Ok(Operand::Path(self.path()?)),
            _ => {
                let word = self.take_while(|letter| {
                    letter.is_alphanumeric() || matches!(letter, '.' | '-' | '+' | '_')
                });
                match serde_json::from_str(&word) {
                    Ok(value) => Ok(Operand::Value(value)),
                    Err(_) => self.refuse("a path, a number or a quoted text is expected"),
                }
            }
        }
    }

    fn quoted(&mut self) -> Parsed<String> {
        let quote = self.next();
        let mut text = String::new();
        loop {
            match self.next() {
                letter if letter == quote && letter.is_some() => return Ok(text),
                Some('\\') => match self.next() {
                    Some('n') => text.push('\n'),
                    Some('t') => text.push('\t'),
                    Some('r') => text.push('\r'),
                    Some(other) => text.push(other),
                    None => return self.refuse("the quote has no end"),
                },
                Some(letter) => text.push(letter),
                None => return self.refuse("the quote has no end"),
            }
        }
    }

    fn expect(&mut self, word: &str) -> Parsed<()> {
        self.skip_blanks();
        match self.eat(word) {
            true => Ok(()),
            false => self.refuse(&format!("{word} is expected")),
        }
    }

    fn eat(&mut self, word: &str) -> bool {
        let count = word.chars().count();
        let next = self.letters.get(self.at..self.at + count);
        let matches = next.is_some_and(|next| next.iter().copied().eq(word.chars()));
        if matches {
            self.at += count;
        }
        matches
    }

    /// A word that ends at a blank or a brace.
    fn eat_word(&mut self, word: &str) -> bool {
        let start = self.at;
        let ends = |next: Option<char>| next.is_none_or(|next| next.is_whitespace() || next == '}');
        if self.eat(word) && ends(self.peek()) {
            return true;
        }
        self.at = start;
        false
    }

    fn skip_blanks(&mut self) {
        self.take_while(char::is_whitespace);
    }

    fn take_while(&mut self, wanted: impl Fn(char) -> bool) -> String {
        let rest = self.letters.get(self.at..).unwrap_or_default();
        let taken: String = rest
            .iter()
            .copied()
            .take_while(|&each| wanted(each))
            .collect();
        self.at += taken.chars().count();
        taken
    }

    fn peek(&self) -> Option<char> {
        self.letters.get(self.at).copied()
    }

    fn next(&mut self) -> Option<char> {
        let next = self.peek();
        self.at += usize::from(next.is_some());
        next
    }

    fn refuse<T>(&self, what: &str) -> Parsed<T> {
        Err(BadTemplate {
            at: self.at,
            what: what.to_owned(),
        })
    }
}
