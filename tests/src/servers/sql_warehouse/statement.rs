//! The few statements of Databricks SQL that lakedr sends, read as the language reference has them. Everything else is a
//! syntax error.

/// `catalog.schema.table`
pub(super) type Table = String;

/// A statement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Statement {
    /// `SELECT … FROM (DESCRIBE HISTORY …) WHERE operation NOT IN (…) ORDER BY version DESC LIMIT …`
    History { columns: Vec<Column>, table: Table, without: Vec<String>, limit: u64 },
    /// `BEGIN DECLARE … END`
    Script { condition: Option<Condition>, act: Act },
}

/// A column of a history.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Column {
    Field(String),
    Parameter(String),
    /// `unix_millis(…)`
    Millis(String),
}

/// What a script asks of the history of a table before it does anything.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Condition {
    pub(super) table: Table,
    pub(super) counts: Vec<Count>,
}

/// `count_if(…) = …`
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Count {
    pub(super) rows: Rows,
    pub(super) number: u64,
}

/// Rows of a history.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Rows {
    /// `version = … AND unix_millis(timestamp) = …`
    At { version: u64, committed_at: u64 },
    /// `version > … AND operation NOT IN (…)`
    Above { version: u64, without: Vec<String> },
    /// `version <= … OR operation NOT IN (…)`
    UpToOrForeign { version: u64, without: Vec<String> },
}

/// What a script does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Act {
    Clone { table: Table, source: String, version: u64, replace: bool },
    Restore { table: Table, version: u64 },
}

impl Act {
    pub(super) fn table(&self) -> &Table {
        match self {
            Self::Clone { table, .. } | Self::Restore { table, .. } => table,
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Token {
    Word(String),
    /// In back quotes.
    Name(String),
    /// In single quotes.
    Text(String),
    Number(u64),
    Sign(char),
}

fn tokens(text: &str) -> Result<Vec<Token>, String> {
    let mut rest = text.chars().peekable();
    let mut tokens = Vec::new();
    while let Some(first) = rest.next() {
        match first {
            space if space.is_whitespace() => {}
            '`' => {
                let mut name = String::new();
                loop {
                    match rest.next().ok_or("an open back quote")? {
                        '`' if rest.next_if_eq(&'`').is_none() => break,
                        letter => name.push(letter),
                    }
                }
                tokens.push(Token::Name(name));
            }
            '\'' => {
                let mut literal = String::new();
                loop {
                    match rest.next().ok_or("an open quote")? {
                        '\'' => break,
                        '\\' => literal.push(rest.next().ok_or("an open quote")?),
                        letter => literal.push(letter),
                    }
                }
                tokens.push(Token::Text(literal));
            }
            letter if letter.is_ascii_alphanumeric() || letter == '_' => {
                let mut word = String::from(letter);
                while let Some(letter) = rest.next_if(|next| next.is_ascii_alphanumeric() || *next == '_') {
                    word.push(letter);
                }
                tokens.push(word.parse().map_or(Token::Word(word), Token::Number));
            }
            sign => tokens.push(Token::Sign(sign)),
        }
    }
    Ok(tokens)
}

struct Reader(std::collections::VecDeque<Token>);

type Read<T> = Result<T, String>;

impl Reader {
    fn words(&mut self, words: &str) -> Read<()> {
        words.split(' ').try_for_each(|word| match self.0.pop_front() {
            Some(Token::Word(found)) if found.eq_ignore_ascii_case(word) => Ok(()),
            found => Err(format!("{word} expected, and there is {found:?}")),
        })
    }

    fn signs(&mut self, signs: &str) -> Read<()> {
        signs.chars().try_for_each(|sign| match self.0.pop_front() {
            Some(Token::Sign(found)) if found == sign => Ok(()),
            found => Err(format!("{sign} expected, and there is {found:?}")),
        })
    }

    fn is_word(&self, word: &str) -> bool {
        matches!(self.0.front(), Some(Token::Word(found)) if found.eq_ignore_ascii_case(word))
    }

    fn is_sign(&self, sign: char) -> bool {
        self.0.front() == Some(&Token::Sign(sign))
    }

    fn word(&mut self) -> Read<String> {
        match self.0.pop_front() {
            Some(Token::Word(word)) => Ok(word),
            found => Err(format!("a word expected, and there is {found:?}")),
        }
    }

    fn name(&mut self) -> Read<String> {
        match self.0.pop_front() {
            Some(Token::Name(name)) => Ok(name),
            found => Err(format!("a name in back quotes expected, and there is {found:?}")),
        }
    }

    fn text(&mut self) -> Read<String> {
        match self.0.pop_front() {
            Some(Token::Text(text)) => Ok(text),
            found => Err(format!("a text expected, and there is {found:?}")),
        }
    }

    fn number(&mut self) -> Read<u64> {
        match self.0.pop_front() {
            Some(Token::Number(number)) => Ok(number),
            found => Err(format!("a number expected, and there is {found:?}")),
        }
    }

    fn table(&mut self) -> Read<Table> {
        let catalog = self.name()?;
        self.signs(".")?;
        let schema = self.name()?;
        self.signs(".")?;
        Ok(format!("{catalog}.{schema}.{}", self.name()?))
    }

    fn described(&mut self) -> Read<Table> {
        self.words("FROM")?;
        self.signs("(")?;
        self.words("DESCRIBE HISTORY")?;
        let table = self.table()?;
        self.signs(")")?;
        Ok(table)
    }

    fn without(&mut self) -> Read<Vec<String>> {
        self.words("operation NOT IN")?;
        self.signs("(")?;
        let mut operations = vec![self.text()?];
        while self.is_sign(',') {
            self.signs(",")?;
            operations.push(self.text()?);
        }
        self.signs(")")?;
        Ok(operations)
    }

    fn column(&mut self) -> Read<Column> {
        match self.word()?.as_str() {
            "operationParameters" => {
                self.signs("[")?;
                let parameter = self.text()?;
                self.signs("]")?;
                Ok(Column::Parameter(parameter))
            }
            "unix_millis" => {
                self.signs("(")?;
                let field = self.word()?;
                self.signs(")")?;
                Ok(Column::Millis(field))
            }
            field => Ok(Column::Field(field.to_owned())),
        }
    }

    fn history(&mut self) -> Read<Statement> {
        self.words("SELECT")?;
        let mut columns = vec![self.column()?];
        while self.is_sign(',') {
            self.signs(",")?;
            columns.push(self.column()?);
        }
        let table = self.described()?;
        self.words("WHERE")?;
        let without = self.without()?;
        self.words("ORDER BY version DESC LIMIT")?;
        Ok(Statement::History { columns, table, without, limit: self.number()? })
    }

    fn script(&mut self) -> Read<Statement> {
        self.words("BEGIN DECLARE")?;
        self.word()?;
        self.words("STRING DEFAULT")?;
        self.text()?;
        self.signs(";")?;
        let condition = if self.is_word("IF") { Some(self.condition()?) } else { None };
        self.words("EXECUTE IMMEDIATE")?;
        let mut text = Reader(tokens(&self.text()?)?.into());
        let act = text.act()?;
        text.ends()?;
        self.signs(";")?;
        if condition.is_some() {
            self.words("END IF")?;
            self.signs(";")?;
        }
        self.words("END")?;
        Ok(Statement::Script { condition, act })
    }

    fn condition(&mut self) -> Read<Condition> {
        self.words("IF")?;
        self.signs("(")?;
        self.words("SELECT")?;
        let mut counts = vec![self.count()?];
        while self.is_word("AND") {
            self.words("AND")?;
            counts.push(self.count()?);
        }
        let table = self.described()?;
        self.signs(")")?;
        self.words("THEN")?;
        Ok(Condition { table, counts })
    }

    fn count(&mut self) -> Read<Count> {
        self.words("count_if")?;
        self.signs("(")?;
        let rows = self.rows()?;
        self.signs(")=")?;
        Ok(Count { rows, number: self.number()? })
    }

    fn rows(&mut self) -> Read<Rows> {
        self.words("version")?;
        if self.is_sign('<') {
            self.signs("<=")?;
            let version = self.number()?;
            self.words("OR")?;
            return Ok(Rows::UpToOrForeign { version, without: self.without()? });
        }
        if self.is_sign('>') {
            self.signs(">")?;
            let version = self.number()?;
            self.words("AND")?;
            return Ok(Rows::Above { version, without: self.without()? });
        }
        self.signs("=")?;
        let version = self.number()?;
        self.words("AND unix_millis")?;
        self.signs("(")?;
        self.words("timestamp")?;
        self.signs(")=")?;
        Ok(Rows::At { version, committed_at: self.number()? })
    }

    fn ends(&self) -> Read<()> {
        self.0.front().map_or(Ok(()), |more| Err(format!("the end expected, and there is {more:?}")))
    }

    fn act(&mut self) -> Read<Act> {
        if self.is_word("RESTORE") {
            self.words("RESTORE TABLE")?;
            let table = self.table()?;
            self.words("TO VERSION AS OF")?;
            return Ok(Act::Restore { table, version: self.number()? });
        }
        self.words("CREATE")?;
        let replace = self.is_word("OR");
        if replace {
            self.words("OR REPLACE")?;
        }
        self.words("TABLE")?;
        let table = self.table()?;
        self.words("DEEP CLONE delta")?;
        self.signs(".")?;
        let source = self.name()?;
        self.words("VERSION AS OF")?;
        Ok(Act::Clone { table, source, version: self.number()?, replace })
    }
}

/// Reads a statement.
pub(super) fn read(text: &str) -> Read<Statement> {
    let mut reader = Reader(tokens(text)?.into());
    let statement = if reader.is_word("SELECT") { reader.history()? } else { reader.script()? };
    reader.ends()?;
    Ok(statement)
}
