/* inventory_scene: a fleet in the fake store, m-000 to m-119, and an operator who asks about it. */
#ifndef INVENTORY_SCENE_H
#define INVENTORY_SCENE_H

#include "tests/support/fake_inside.h"
#include "tests/support/flow_scene.h"

#define INVENTORY_CONFIG "admin_identity boss\nviewer_identity watcher\nslot operational\nslot data\ntls false\n"

enum { COUNT = 120, TEXT_CAP = 8192 };

struct fake_ledger *fleet_ledger(struct scene *s);
/* A device that appeared a day ago, and has a certificate for each of so many slots. */
struct fake_device *fleet_seed(struct scene *s, unsigned number, int64_t not_after, unsigned slots);
void fleet_seed_all(struct scene *s);
const struct cr_slot_record *fleet_slot(struct scene *s, unsigned number);

/* The answer to one command with these fields. Lent. */
const char *fleet_ask(struct scene *s, const char *command, const char *fields);
void expect_part(const char *reply, const char *part);
unsigned times_in(const char *reply, const char *part);
/* The answer's cursor, "": none. */
void cursor_of(char cursor[CR_CURSOR_CAP], const char *reply);
/* On the heap. */
char *repeated(const char *head, const char *part, unsigned count, const char *tail);

#endif
