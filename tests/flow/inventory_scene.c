#include "tests/flow/inventory_scene.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

struct fake_ledger *fleet_ledger(struct scene *s)
{
    return fake_store_ledger(s->rig.store);
}

struct fake_device *fleet_seed(struct scene *s, unsigned number, int64_t not_after, unsigned slots)
{
    static const char *const names[] = { "operational", "data" };
    char name[CR_NAME_CAP];

    snprintf(name, sizeof name, "m-%03u", number);
    struct fake_device *device = fake_device_make(fleet_ledger(s), name);
    device->first_seen = device->last_seen = s->rig.clock.wall_s - DAY_S;
    for (unsigned i = 0; i < slots; i++) {
        struct cr_slot_record *view = &fake_slot_make(device, names[i])->view;

        view->current = (struct cr_cert_entry){ .not_before = not_after - 90 * DAY_S, .not_after = not_after };
        view->current.serial = (struct cr_serial){ .len = 3, .octets = { 1, (uint8_t)(number >> 8), (uint8_t)number } };
        snprintf(view->current.issuer, sizeof view->current.issuer, "00000000000000ca");
        view->due = not_after - 10 * DAY_S;
    }
    return device;
}

void fleet_seed_all(struct scene *s)
{
    for (unsigned i = 0; i < COUNT; i++) {
        (void)fleet_seed(s, i, s->rig.clock.wall_s + (60 + i % 7) * DAY_S, 1);
    }
}

const struct cr_slot_record *fleet_slot(struct scene *s, unsigned number)
{
    char name[CR_NAME_CAP];

    snprintf(name, sizeof name, "m-%03u", number);
    return fake_ledger_slot(fleet_ledger(s), name, "operational");
}

const char *fleet_ask(struct scene *s, const char *command, const char *fields)
{
    char text[TEXT_CAP];

    snprintf(text, sizeof text, "{\"commands\":[{\"command\":\"%s\"%s%s}]}", command, fields[0] != '\0' ? "," : "", fields);
    return rig_command(&s->rig, s->boss, text);
}

void expect_part(const char *reply, const char *part)
{
    if (strstr(reply, part) == NULL) {
        fail_msg("expected %s in %.900s", part, reply);
    }
}

unsigned times_in(const char *reply, const char *part)
{
    unsigned count = 0;

    for (; (reply = strstr(reply, part)) != NULL; reply++) {
        count++;
    }
    return count;
}

void cursor_of(char cursor[CR_CURSOR_CAP], const char *reply)
{
    const char *at = strstr(reply, "\"cursor\":\"");

    cursor[0] = '\0';
    if (at != NULL) {
        assert_int_equal(sscanf(at + strlen("\"cursor\":\""), "%191[^\"]", cursor), 1);
    }
}

char *repeated(const char *head, const char *part, unsigned count, const char *tail)
{
    size_t cap = strlen(head) + count * strlen(part) + strlen(tail) + 1, len;
    char *text = malloc(cap);

    assert_non_null(text);
    len = (size_t)snprintf(text, cap, "%s", head);
    for (unsigned i = 0; i < count; i++) {
        len += (size_t)snprintf(text + len, cap - len, "%s", part);
    }
    (void)snprintf(text + len, cap - len, "%s", tail);
    return text;
}
