#include "admin/print/table.hpp"

#include <algorithm>

namespace switchyard::admin {

void Table::limit(std::size_t column, std::size_t width) {
    for (Row& row : rows_) {
        if (column < row.cells.size()) {
            row.cells[column].text = elided(row.cells[column].text, width);
        }
    }
}

std::string Table::text(const Screen& screen) const {
    std::vector<std::size_t> widths(alignment_.size(), 0);
    for (const Row& row : rows_) {
        for (std::size_t i = 0; i < row.cells.size() && i < widths.size(); ++i) {
            widths[i] = std::max(widths[i], width_of(row.cells[i].text));
        }
    }
    std::string out;
    for (const Row& row : rows_) {
        if (row.cells.empty()) {
            out += row.note + "\n";
            continue;
        }
        std::string line = indent_;
        std::size_t owed = 0;  // Spaces, written only when something follows.
        for (std::size_t i = 0; i < row.cells.size() && i < widths.size(); ++i) {
            const Cell& cell = row.cells[i];
            const std::size_t fill = widths[i] - width_of(cell.text);
            const bool right = alignment_[i] == 'r';
            if (right) owed += fill;
            if (!cell.text.empty()) {
                line.append(owed, ' ').append(painted(screen, cell.paint, cell.text));
                owed = 0;
            }
            if (!right) owed += fill;
            owed += 2;
        }
        out += line + "\n";
    }
    return out;
}

}  // namespace switchyard::admin
