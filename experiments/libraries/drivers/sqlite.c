/* sqlite.c - an in-memory database: rows in, an index over them, rows out; then one that lies in a host's buffer.
 *
 * What is bound and what the queries say lies in buffers of the host, which are long enough to be lent
 * mapped; case `image` reads a whole database out of one (sqlite3_deserialize).
 */
#include "harness.h"
#include <sqlite3.h>
#include <stdio.h>
#include <string.h>

enum { ROWS = 150000, TEXT_BYTES = 1 << 20, MOST_TEXT_BYTES = 80, HEAD_BYTES = 16, POINTS = 150000, SCANS = 3, IMAGE_SCANS = 1, INSERT_ROUNDS = 6 };

static char *statement; /* a buffer of the host, for SQL */

static sqlite3_stmt *prepare(sqlite3 *database, const char *sql) {
    sqlite3_stmt *made = NULL;
    strcpy(statement, sql);
    NEED(sqlite3_prepare_v2(database, statement, -1, &made, NULL) == SQLITE_OK);
    return made;
}

static void execute(sqlite3 *database, const char *sql) {
    strcpy(statement, sql);
    NEED(sqlite3_exec(database, statement, NULL, NULL, NULL) == SQLITE_OK);
}

/* All rows of a query into the check; of long texts their beginnings, so that our own work does not count. */
static uint64_t gather(sqlite3_stmt *query, uint64_t check) {
    int status;
    while ((status = sqlite3_step(query)) == SQLITE_ROW) {
        const int columns = sqlite3_column_count(query);
        for (int i = 0; i < columns; i++) {
            const unsigned char *text = sqlite3_column_text(query, i);
            const size_t length = (size_t)sqlite3_column_bytes(query, i);
            check = check_bytes(check ^ length, text, length < HEAD_BYTES ? length : HEAD_BYTES);
        }
    }
    NEED(status == SQLITE_DONE);
    return check;
}

static uint64_t insert(sqlite3 *database, char *text) {
    uint64_t state = 5;
    execute(database, "create table t(id integer primary key, k integer, v real, s text)");
    execute(database, "begin");
    sqlite3_stmt *into = prepare(database, "insert into t(k, v, s) values(?1, ?2, ?3)");
    for (int i = 0; i < ROWS; i++) {
        const uint64_t draw = next_random(&state);
        const size_t at = (size_t)(draw >> 32) % (TEXT_BYTES - MOST_TEXT_BYTES);
        sqlite3_bind_int64(into, 1, (sqlite3_int64)(draw >> 44));
        sqlite3_bind_double(into, 2, (double)(draw & 0xffff) / 16);
        sqlite3_bind_text(into, 3, text + at, 20 + (int)(draw % 60), SQLITE_STATIC);
        NEED(sqlite3_step(into) == SQLITE_DONE);
        sqlite3_reset(into);
    }
    sqlite3_finalize(into);
    execute(database, "commit");
    return (uint64_t)sqlite3_total_changes(database);
}

static uint64_t points(sqlite3 *database) {
    uint64_t state = 6, check = CHECK_BEGIN;
    sqlite3_stmt *query = prepare(database, "select s, v from t where k between ?1 and ?1 + 5 limit 3");
    for (int i = 0; i < POINTS; i++) {
        sqlite3_bind_int64(query, 1, (sqlite3_int64)(next_random(&state) >> 44));
        check = gather(query, check);
        sqlite3_reset(query);
    }
    sqlite3_finalize(query);
    return check;
}

static uint64_t scan(sqlite3 *database, int rounds) {
    uint64_t check = CHECK_BEGIN;
    static const char *const queries[] = {
        "select k % 100, count(*), sum(v), max(s) from t group by 1 order by 3",
        "select count(*) from t where s like '%info%ver%' or v > 4000",
        "select upper(substr(s, 1, 8)) as head, avg(v) from t where id % 3 = 0 group by head order by 2 limit 50",
    };
    for (int round = 0; round < rounds; round++) {
        for (size_t i = 0; i < sizeof queries / sizeof *queries; i++) {
            sqlite3_stmt *query = prepare(database, queries[i]);
            check = gather(query, check);
            sqlite3_finalize(query);
        }
    }
    return check;
}

int main(void) {
    sqlite3 *database = NULL, *second = NULL;
    sqlite3_int64 bytes = 0;
    char *text = host_buffer(TEXT_BYTES);
    statement = host_buffer(4096);
    fill_text(text, TEXT_BYTES, 5);
    strcpy(statement, ":memory:");
    NEED(sqlite3_open(statement, &database) == SQLITE_OK && sqlite3_open(statement, &second) == SQLITE_OK);

    case_begin();
    uint64_t check = insert(database, text);
    for (int round = 1; round < INSERT_ROUNDS; round++) {
        execute(database, "drop table t");
        check = insert(database, text);
    }
    case_end("insert");
    case_check(check);
    case_begin();
    execute(database, "create index t_k on t(k)");
    execute(database, "create index t_s on t(s, v)");
    case_end("index");
    case_begin();
    check = points(database);
    case_end("points");
    case_check(check);
    case_begin();
    check = scan(database, SCANS);
    case_end("scan");
    case_check(check);

    unsigned char *image = sqlite3_serialize(database, "main", &bytes, 0);
    NEED(image != NULL);
    unsigned char *copy = host_buffer((size_t)bytes);
    memcpy(copy, image, (size_t)bytes);
    NEED(sqlite3_deserialize(second, "main", copy, bytes, bytes, SQLITE_DESERIALIZE_READONLY) == SQLITE_OK);
    case_begin();
    check = points(second) ^ scan(second, IMAGE_SCANS);
    case_end("image");
    case_check(check);
    NEED(sqlite3_close(second) == SQLITE_OK && sqlite3_close(database) == SQLITE_OK);
    report();
    return 0;
}
