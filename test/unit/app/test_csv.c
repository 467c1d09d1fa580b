/* SPDX-License-Identifier: Apache-2.0 */
#include "app/csv.h"
#include "app/rowevent.h"
#include "check.h"

static struct wr_csv_reader reader;
static struct wr_error error;

static FILE *stream_of(const char *text)
{
    FILE *in = tmpfile();
    fwrite(text, 1, strlen(text), in);
    rewind(in);
    return in;
}

static wr_err open_text(const char *text)
{
    return wr_csv_open(&reader, stream_of(text), &error);
}

static void close_text(void)
{
    fclose(reader.in);
    wr_csv_close(&reader);
}

TEST("cells are split at commas, quotes taken off, doubled quotes halved")
{
    bool end = false;
    CHECK_INT(open_text("a,b,c\r\n1,\"x,\"\"y\"\"\nz\",\n"), WR_OK);
    CHECK_INT(wr_csv_next(&reader, &end, &error), WR_OK);
    CHECK(!end && reader.n_cells == 3 && reader.line == 2);
    CHECK_TEXT(reader.cells[0].p, reader.cells[0].n, "1");
    CHECK_TEXT(reader.cells[1].p, reader.cells[1].n, "x,\"y\"\nz");
    CHECK_INT(reader.cells[2].n, 0);
    CHECK_INT(wr_csv_next(&reader, &end, &error), WR_OK);
    CHECK(end);
    close_text();
}

TEST("a byte order mark and blank lines are passed over, lines keep their number")
{
    bool end = false;
    CHECK_INT(open_text("\xEF\xBB\xBFid\n\n\n7"), WR_OK);
    CHECK_INT(wr_csv_column(&reader, WR_STR("id")), 0);
    CHECK_INT(wr_csv_next(&reader, &end, &error), WR_OK);
    CHECK_INT(reader.line, 4);
    close_text();
}

TEST("a row with too few cells is an error that names the line, and the next row is read")
{
    bool end = false;
    CHECK_INT(open_text("a,b\n1\n2,3\n"), WR_OK);
    CHECK_INT(wr_csv_next(&reader, &end, &error), WR_E_FIELD);
    CHECK(strstr(error.text, "line 2") != NULL);
    CHECK_INT(wr_csv_next(&reader, &end, &error), WR_OK);
    CHECK_TEXT(reader.cells[1].p, reader.cells[1].n, "3");
    close_text();
}

TEST("quotes out of place and open quotes are errors, no header is one")
{
    bool end = false;
    CHECK_INT(open_text("a\nx\"y\"\n"), WR_OK);
    CHECK_INT(wr_csv_next(&reader, &end, &error), WR_E_FIELD);
    close_text();
    CHECK_INT(open_text("a\n\"xy\n"), WR_OK);
    CHECK_INT(wr_csv_next(&reader, &end, &error), WR_E_FIELD);
    close_text();
    CHECK_INT(open_text(""), WR_E_FIELD);
    close_text();
}

TEST("a quote within a bare cell costs its own row, not those behind it")
{
    bool end = false;
    CHECK_INT(open_text("a,b\n5\" pipe,1\nx,2\n\"q\"z,3\n\"y\"\"\n\",4\n"), WR_OK);
    CHECK_INT(wr_csv_next(&reader, &end, &error), WR_E_FIELD);
    CHECK(strstr(error.text, "line 2") != NULL);
    CHECK_INT(wr_csv_next(&reader, &end, &error), WR_OK);
    CHECK_TEXT(reader.cells[1].p, reader.cells[1].n, "2");
    CHECK_INT(wr_csv_next(&reader, &end, &error), WR_E_FIELD);
    CHECK_INT(wr_csv_next(&reader, &end, &error), WR_OK);
    CHECK_TEXT(reader.cells[0].p, reader.cells[0].n, "y\"\n");
    CHECK_INT(reader.line, 5);
    close_text();
}

TEST("an open quote swallows no more than a row's room")
{
    bool end = false;
    size_t rows = 100000;
    char *text = malloc(rows * 8 + 16), *p = text + sprintf(text, "a,b\n\"x,1\n");
    for (size_t i = 0; i < rows; i++) {
        p += sprintf(p, "y,2\n");
    }
    CHECK_INT(open_text(text), WR_OK);
    CHECK_INT(wr_csv_next(&reader, &end, &error), WR_E_LIMIT);
    CHECK(strstr(error.text, "line 2") != NULL && strstr(error.text, "65537 lines") != NULL);
    CHECK_INT(wr_csv_next(&reader, &end, &error), WR_OK);
    CHECK_TEXT(reader.cells[0].p, reader.cells[0].n, "y");
    CHECK_INT(reader.line, 65539);
    close_text();
    free(text);
}

TEST("a quoted title behind a byte order mark may hold a line end")
{
    CHECK_INT(open_text("\xEF\xBB\xBF\"a\nb\",c\n1,2\n"), WR_OK);
    CHECK_INT(wr_csv_column(&reader, WR_STR("a\nb")), 0);
    close_text();
}

TEST("a row may have as many columns as the limit, and no more")
{
    char *text = malloc(WR_LIMIT_CSV_COLUMNS * 2 + 16);
    for (size_t n = WR_LIMIT_CSV_COLUMNS; n <= WR_LIMIT_CSV_COLUMNS + 1; n++) {
        for (size_t i = 0; i < n; i++) {
            memcpy(text + i * 2, i + 1 < n ? "a," : "a\n", 3);
        }
        CHECK_INT(open_text(text), n == WR_LIMIT_CSV_COLUMNS ? WR_OK : WR_E_LIMIT);
        close_text();
    }
    free(text);
}

TEST("a row over the limit is refused, not cut")
{
    bool end = false;
    size_t n = WR_LIMIT_CSV_ROW + 10;
    char *text = malloc(n + 16);
    memcpy(text, "a\n", 2);
    memset(text + 2, 'x', n);
    memcpy(text + 2 + n, "\ny\n", 4);
    CHECK_INT(open_text(text), WR_OK);
    CHECK_INT(wr_csv_next(&reader, &end, &error), WR_E_LIMIT);
    CHECK_INT(wr_csv_next(&reader, &end, &error), WR_OK);
    CHECK_TEXT(reader.cells[0].p, reader.cells[0].n, "y");
    close_text();
    free(text);
}

static const struct wr_csv_column columns[] = {
    {.column = {"OK", 2}, .path = {"flag", 4}, .type = WR_CSV_BOOL},
    {.column = {"AMOUNT", 6}, .path = {"transaction.amount", 18}, .type = WR_CSV_NUMBER},
    {.column = {"ID", 2}, .path = {"transaction.id", 14}, .type = WR_CSV_STRING},
    {.column = {"T", 1},
     .path = {"transaction.time", 16},
     .type = WR_CSV_NUMBER,
     .times = 1000,
     .plus = 5},
    {.column = {"CITY", 4}, .path = {"user.home.city", 14}, .type = WR_CSV_STRING},
};
static const struct wr_csv map = {
    .columns = columns, .n_columns = 5, .label_column = {"FRAUD", 5}, .has_label = true};

static wr_err write_row(const char *text, char *room, size_t cap)
{
    struct wr_rowevent row;
    struct wr_arena arena;
    static const struct wr_memory memory = CHECK_MEMORY;
    bool end;
    wr_arena_init(&arena, &memory, 1 << 20);
    open_text(text);
    wr_err code = wr_rowevent_open(&row, &arena, &map, &reader, &error);
    code = code == WR_OK ? wr_csv_next(&reader, &end, &error) : code;
    if (code == WR_OK) {
        struct wr_buf buf = wr_buf_fixed(room, cap - 1);
        code = wr_rowevent_write(&row, &buf, &error);
        room[buf.n] = '\0';
    }
    close_text();
    wr_arena_deinit(&arena);
    return code;
}

TEST("a row becomes a document, objects nested by path, empty cells left out")
{
    char room[256];
    CHECK_INT(write_row("ID,T,AMOUNT,CITY,OK\nt\"1,7,12.50,,1\n", room, sizeof room), WR_E_FIELD);
    CHECK_INT(write_row("ID,T,AMOUNT,CITY,OK\nt1,7,12.50,,1\n", room, sizeof room), WR_OK);
    CHECK_STR(room,
              "{\"flag\":true,\"transaction\":{\"amount\":12.50,\"id\":\"t1\",\"time\":7005}}");
    CHECK_INT(write_row("ID,T,AMOUNT,CITY,OK\n,,,Bern,0\n", room, sizeof room), WR_OK);
    CHECK_STR(room, "{\"flag\":false,\"user\":{\"home\":{\"city\":\"Bern\"}}}");
    CHECK_INT(write_row("ID,T,AMOUNT,CITY,OK\n,,,,\"\"\n", room, sizeof room), WR_OK);
    CHECK_STR(room, "{}");
}

TEST("a cell that is not of its type and a column that is not there are named")
{
    char room[256];
    CHECK_INT(write_row("ID,T,AMOUNT,CITY,OK\nt1,7,12.5x,,1\n", room, sizeof room), WR_E_FIELD);
    CHECK(strstr(error.text, "column AMOUNT") != NULL);
    CHECK_INT(write_row("ID,T,AMOUNT,CITY,OK\nt1,9223372036854775807,1,,1\n", room, sizeof room),
              WR_E_FIELD);
    CHECK_INT(write_row("ID,T,AMOUNT,CITY,OK\nt\xFF,7,1,x,1\n", room, sizeof room), WR_E_UTF8);
    CHECK(strstr(error.text, "column ID: not of its type: t?") != NULL);
    CHECK_INT(write_row("ID,T,AMOUNT,CITY\nt1,7,1,x\n", room, sizeof room), WR_E_FIELD);
    CHECK(strstr(error.text, "OK") != NULL);
}

TEST("a label is 1, 0, true, false or nothing; what else stands there refuses the row")
{
    static const struct {
        const char *cell;
        wr_err code;
        bool fraud;
    } cases[] = {{"1", WR_OK, true},         {"true", WR_OK, true},      {"0", WR_OK, false},
                 {"false", WR_OK, false},    {"", WR_OK, false},         {"yes", WR_E_FIELD, false},
                 {"1.0", WR_E_FIELD, false}, {"TRUE", WR_E_FIELD, false}};
    struct wr_rowevent row = {.map = &map, .reader = &reader, .label_column = 1};
    for (size_t i = 0; i < WR_COUNTOF(cases); i++) {
        char csv[64];
        bool end, fraud = true;
        snprintf(csv, sizeof csv, "ID,FRAUD\nt1,%s\n", cases[i].cell);
        CHECK_INT(open_text(csv), WR_OK);
        CHECK_INT(wr_csv_next(&reader, &end, &error), WR_OK);
        CHECK_INT(wr_rowevent_label(&row, &fraud, &error), cases[i].code);
        CHECK_INT(fraud, cases[i].fraud);
        close_text();
    }
}

int main(int argc, char **argv)
{
    return check_main(argc, argv);
}
