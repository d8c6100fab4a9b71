#include "json.h"

#include <string.h>

static const vx_json NOTHING = {NULL, NULL};

static int is_space(char c) { return c == ' ' || c == '\n' || c == '\r' || c == '\t'; }

static vx_json trimmed(vx_json text) {
  while (text.at < text.end && is_space(*text.at)) text.at++;
  while (text.at < text.end && is_space(text.end[-1])) text.end--;
  return text;
}

/* Where the value ends that begins here: at a comma or bracket that is not inside it. */
static const char *end_of_value(const char *at, const char *end) {
  unsigned depth = 0;
  int quoted = 0;
  for (; at < end; at++) {
    if (quoted) {
      if (*at == '\\' && at + 1 < end)
        at++;
      else if (*at == '"')
        quoted = 0;
    } else if (*at == '"') {
      quoted = 1;
    } else if (*at == '{' || *at == '[') {
      depth++;
    } else if (depth == 0 && (*at == ',' || *at == ':' || *at == '}' || *at == ']')) {
      return at;
    } else if (*at == '}' || *at == ']') {
      depth--;
    }
  }
  return end;
}

/* The next value of what is inside brackets, which is left behind it and the character that follows. */
static vx_json next_value(vx_json *inside) {
  const char *end = end_of_value(inside->at, inside->end);
  const vx_json value = {inside->at, end};
  inside->at = end < inside->end ? end + 1 : end;
  return trimmed(value);
}

/* What is inside brackets. */
static vx_json inside_of(vx_json text, char opening, char closing) {
  text = trimmed(text);
  if (!text.at || text.end - text.at < 2 || *text.at != opening || text.end[-1] != closing) return NOTHING;
  const vx_json inside = {text.at + 1, text.end - 1};
  return inside;
}

vx_json vx_json_find(vx_json object, const char *key) {
  const size_t length = strlen(key);
  vx_json inside = inside_of(object, '{', '}');
  while (inside.at && inside.at < inside.end) {
    const vx_json name = inside_of(next_value(&inside), '"', '"'), value = next_value(&inside);
    if (name.at && (size_t)(name.end - name.at) == length && memcmp(name.at, key, length) == 0) return value;
  }
  return NOTHING;
}

vx_json vx_json_item(vx_json array, unsigned index) {
  vx_json inside = inside_of(array, '[', ']');
  while (inside.at && inside.at < inside.end) {
    const vx_json value = next_value(&inside);
    if (index-- == 0) return value;
  }
  return NOTHING;
}

uint64_t vx_json_whole(vx_json value) {
  uint64_t number = 0;
  if (!value.at || value.at == value.end || value.end - value.at > 15) return UINT64_MAX;
  for (const char *at = value.at; at < value.end; at++) {
    if (*at < '0' || *at > '9') return UINT64_MAX;
    number = number * 10 + (uint64_t)(*at - '0');
  }
  return number;
}

const char *vx_json_text(vx_json value, char *text, size_t room) {
  const vx_json inside = inside_of(value, '"', '"');
  size_t length = 0;
  if (!inside.at) return NULL;
  for (const char *at = inside.at; at < inside.end; at++) {
    if (*at == '\\') at++; /* only quotes and backslashes are meant: other escapes do not occur in what is read */
    if (at == inside.end || length + 1 >= room) return NULL;
    text[length++] = *at;
  }
  text[length] = 0;
  return text;
}

int vx_json_is(vx_json value, const char *word) {
  const size_t length = strlen(word);
  return value.at && (size_t)(value.end - value.at) == length && memcmp(value.at, word, length) == 0;
}
