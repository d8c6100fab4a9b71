/* The catalogue: which files there are, and of which segments each is made. */

#ifndef VOXZ_CATALOGUE_H
#define VOXZ_CATALOGUE_H

#include "bytes.h"
#include "file.h"

enum { MOST_VIEW_AXES = 9 };

typedef struct vx_segment {
  uint64_t kind;   /* 0: verbatim, else 1 + the packing */
  uint64_t length; /* in the content of the file */
  uint64_t array, first, count, view, how;
} vx_segment;

typedef struct vx_entry {
  size_t name, name_length;
  uint64_t gzip, before; /* length of the piece that tells its members */
  uint64_t first_segment, segments;
  uint64_t first_piece, pieces;
  uint64_t size;
  uint32_t crc32;
} vx_entry;

/* How the samples of a segment lie in the file: view 0 is none. */
typedef struct vx_view {
  unsigned axes;
  uint64_t length[MOST_VIEW_AXES];
  unsigned order[MOST_VIEW_AXES];
  uint64_t reversed;
} vx_view;

typedef struct vx_chunk {
  uint64_t first_piece, pieces, raw_length, length, offset;
  uint32_t crc32;
} vx_chunk;

typedef struct vx_piece {
  uint64_t length, of; /* `of`: how many pieces its file has */
} vx_piece;

typedef struct vx_catalogue {
  const uint8_t *names;
  vx_bytes within; /* the stream of pieces, unpacked, where it lies in the catalogue; else nothing */
  uint64_t entries, segments, views, chunks, pieces;
  vx_entry *entry;
  vx_segment *segment;
  vx_view *view;
  vx_chunk *chunk;
  vx_piece *piece;
  /* The chunk whose pieces are at hand, and room for those of any. */
  uint64_t held; /* its number; `chunks`: none */
  uint8_t *bytes;
  uint64_t *starts; /* of its pieces */
} vx_catalogue;

/* The catalogue, read when it is first asked for. */
voxz_status vx_catalogue_of(voxz_file *file, vx_catalogue **catalogue);

/* Bytes of a piece, valid until the next is asked for. */
voxz_status vx_piece_of(voxz_file *file, uint64_t number, const uint8_t **bytes);

#endif
