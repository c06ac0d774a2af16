//! The vocabulary of a tokenizer, in the form of llguidance.

use crate::GrammarError;
use toktrie::{TokRxInfo, TokTrie, TokenId, TokenizerEnv};
use wolfgang_tokenize::Tokenizer;

/// Maximum length of a token in bytes that the trie can hold.
const MAX_TOKEN_BYTES: usize = 1000;

/// Maximum number of tokens that the trie can hold.
const MAX_TOKENS: usize = (1 << 24) - 2;

/// The tokens of a tokenizer, and an additional token for the end of a text.
pub(crate) struct Vocabulary {
    trie: TokTrie,
    tokenizer: Tokenizer,
    /// Whether [`Tokenizer::encode`] gives the ids of exactly these bytes for every text.
    is_canonical: bool,
}

impl Vocabulary {
    pub(crate) fn new(tokenizer: &Tokenizer) -> Result<Self, GrammarError> {
        let refuse = |message| Err(GrammarError::Vocabulary { message });
        let len = tokenizer.vocab_size();
        let Some(end) = u32::try_from(len).ok().filter(|_| len <= MAX_TOKENS) else {
            return refuse(format!(
                "it has {len} tokens, but at most {MAX_TOKENS} are possible"
            ));
        };
        let mut words: Vec<Vec<u8>> = (0..end)
            .map(|id| tokenizer.token_bytes(id).unwrap_or_default().to_vec())
            .collect();
        // Control tokens are no text. A grammar names them as `<name>`.
        for (text, id) in tokenizer.control_tokens() {
            words[id as usize] = marked(text);
        }
        if let Some(id) = words.iter().position(|word| word.len() > MAX_TOKEN_BYTES) {
            let bytes = words[id].len();
            return refuse(format!(
                "token {id} has {bytes} bytes, but at most {MAX_TOKEN_BYTES} are possible"
            ));
        }
        // A control token without a name, so that no grammar can name it.
        words.push(marked(""));
        let mut has_byte = [false; 256];
        for word in &words {
            if let [byte] = word[..] {
                has_byte[usize::from(byte)] = true;
            }
        }
        // The marker of control tokens is no byte of a text in UTF-8.
        let has_every_byte = has_byte[..0xf8].iter().all(|has| *has);
        let probe = "a";
        let is_exact = tokenizer.encode(probe).is_ok_and(|ids| {
            let bytes = ids.iter().filter_map(|id| tokenizer.token_bytes(*id));
            bytes.flatten().eq(probe.as_bytes())
        });
        Ok(Self {
            trie: TokTrie::from(&TokRxInfo::new(end + 1, end), &words),
            tokenizer: tokenizer.clone(),
            is_canonical: has_every_byte && is_exact,
        })
    }

    /// The id of the additional token, which the tokenizer does not have.
    pub(crate) fn end(&self) -> TokenId {
        self.trie.eos_token()
    }

    /// Returns how many bytes at the beginning of `text` tokens can spell.
    pub(crate) fn spellable_len(&self, text: &[u8]) -> usize {
        // Tokens can end after each of these lengths.
        let mut reached = vec![false; text.len() + 1];
        reached[0] = true;
        let mut last = 0;
        for from in 0..text.len() {
            if !reached[from] {
                continue;
            }
            let mut node = self.trie.root();
            for (at, byte) in text.iter().enumerate().skip(from) {
                let Some(child) = self.trie.child_at_byte(node, *byte) else {
                    break;
                };
                node = child;
                if node.token_id().is_some() {
                    reached[at + 1] = true;
                }
                // A token that continues beyond the text also spells it.
                last = last.max(at + 1);
            }
        }
        last
    }
}

fn marked(name: &str) -> Vec<u8> {
    [&[TokTrie::SPECIAL_TOKEN_MARKER], name.as_bytes()].concat()
}

impl TokenizerEnv for Vocabulary {
    fn tok_trie(&self) -> &TokTrie {
        &self.trie
    }

    fn tokenize_bytes(&self, bytes: &[u8]) -> Vec<TokenId> {
        let encode = |text: &str| match self.tokenizer.encode(text) {
            Ok(ids) => ids,
            Err(_) => self.trie.greedy_tokenize(text.as_bytes()),
        };
        self.trie.tokenize_with_greedy_fallback(bytes, encode)
    }

    fn tokenize_is_canonical(&self) -> bool {
        self.is_canonical
    }
}
