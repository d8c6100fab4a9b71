/* Just enough of JSON for the headers of models: values of objects by their keys, never a tree. */

#ifndef VOXZ_JSON_H
#define VOXZ_JSON_H

#include <stddef.h>
#include <stdint.h>

/* The text of a value; nothing if `at` is NULL. */
typedef struct vx_json {
  const char *at, *end;
} vx_json;

/* The value of a key in an object; nothing if there is none, or the text is no object. */
vx_json vx_json_find(vx_json object, const char *key);

/* Item number `index` of an array. */
vx_json vx_json_item(vx_json array, unsigned index);

/* A whole number from 0 on, below 2^53; UINT64_MAX if it is none. */
uint64_t vx_json_whole(vx_json value);

/* The characters of a string, with a zero behind them; nothing if it is none, or takes `room` characters or more. */
const char *vx_json_text(vx_json value, char *text, size_t room);

int vx_json_is(vx_json value, const char *word);

#endif
